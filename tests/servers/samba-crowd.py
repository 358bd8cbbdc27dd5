#!/usr/bin/python3
"""Puts many people into one group of a Samba domain that is not running.

    samba-crowd.py DIR NUMBER

makes CN=many0 … in OU=People,OU=Corp and CN=Everybody,OU=Groups,OU=Corp with all of them as members. Samba
makes the first one; the others are copies of its record, with a GUID, a SID and names of their own, written
while the database keeps no indexes. That takes seconds, where an addition of each takes minutes.
"""

import struct
import sys
import uuid

import ldb
import samba
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

SUFFIX = "DC=lab,DC=example"
CORP = f"OU=Corp,{SUFFIX}"
PEOPLE = f"OU=People,{CORP}"
GROUP = f"CN=Everybody,OU=Groups,{CORP}"
# The indexes that each new record makes longer; where it is found by its GUID is kept.
HEAVY = ("@IDXATTR", "@IDXONE")
# Above what the domain itself gives away.
FIRST_RID = 1_000_000


def load_settings(folder):
    settings = LoadParm()
    settings.load(f"{folder}/etc/smb.conf")
    # A copied domain names the folders of the one that it is a copy of.
    places = {"private dir": "private", "state directory": "state", "cache directory": "", "lock directory": ""}
    for name, place in places.items():
        settings.set(name, f"{folder}/{place}")
    return settings


def make_first(folder):
    domain = SamDB(
        url=f"{folder}/private/sam.ldb",
        session_info=system_session(),
        lp=load_settings(folder),
        options=["nosync:true"],
    )
    domain.transaction_start()
    for unit in (CORP, PEOPLE, f"OU=Groups,{CORP}"):
        domain.add({"dn": unit, "objectClass": "organizationalUnit"})
    first = f"CN=many0,{PEOPLE}"
    domain.add({"dn": first, "objectClass": "user", "userAccountControl": "514"} | names("many0"))
    domain.add({"dn": GROUP, "objectClass": "group", "sAMAccountName": "Everybody", "member": [first]})
    domain.transaction_commit()


def names(name):
    return {"sAMAccountName": name, "userPrincipalName": f"{name}@lab.example"}


def record(database, dn):
    found = database.search(base=dn, scope=ldb.SCOPE_BASE)[0]
    hidden = ("dn", "distinguishedName")
    return {key: [bytes(value) for value in found[key]] for key in found.keys() if key not in hidden}


def message(database, dn, attributes, flags):
    made = ldb.Message(ldb.Dn(database, dn))
    for name, values in attributes.items():
        made[name] = ldb.MessageElement(values, flags, name)
    return made


def copy(database, number):
    first = record(database, f"CN=many0,{PEOPLE}")
    group = record(database, GROUP)
    (link,) = group["member"]
    guid, sid = uuid.UUID(bytes_le=first["objectGUID"][0]), first["objectSid"][0]
    old_rid = struct.unpack("<I", sid[24:])[0]
    members = [(guid, link)]
    for i in range(1, number):
        name, own, rid = f"many{i}", uuid.uuid4(), FIRST_RID + i
        texts = {"cn": name, "name": name} | names(name)
        mine = first | {key: [text.encode()] for key, text in texts.items()}
        mine |= {"objectGUID": [own.bytes_le], "objectSid": [sid[:24] + struct.pack("<I", rid)]}
        database.add(message(database, f"CN={name},{PEOPLE}", mine, ldb.FLAG_MOD_ADD))
        own_link = link.replace(str(guid).encode(), str(own).encode())
        own_link = own_link.replace(f"-{old_rid}>".encode(), f"-{rid}>".encode())
        members.append((own, own_link.replace(b"CN=many0,", f"CN={name},".encode())))
    # Samba looks for a link by halving, in the order of the octets of GUIDs.
    members.sort(key=lambda member: member[0].bytes_le)
    database.delete(ldb.Dn(database, GROUP))
    whole = group | {"member": [link for _, link in members]}
    database.add(message(database, GROUP, whole, ldb.FLAG_MOD_ADD))


def main():
    folder, number = sys.argv[1], int(sys.argv[2])
    make_first(folder)
    database = samba.Ldb(
        f"{folder}/private/sam.ldb.d/{SUFFIX.upper()}.ldb",
        flags=ldb.FLG_DONT_CREATE_DB,
        options=["modules:", "nosync:true"],
    )
    indexes = {key: values for key, values in record(database, "@INDEXLIST").items() if key in HEAVY}
    steps = [
        lambda: database.modify(message(database, "@INDEXLIST", dict.fromkeys(indexes, []), ldb.FLAG_MOD_DELETE)),
        lambda: copy(database, number),
        lambda: database.modify(message(database, "@INDEXLIST", indexes, ldb.FLAG_MOD_ADD)),
    ]
    for step in steps:
        database.transaction_start()
        step()
        database.transaction_commit()


main()
