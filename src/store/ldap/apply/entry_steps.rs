//! The single steps: add, modify, delete, rename, set password.

use ldap3::controls::{Control, RawControl};

use super::{Apply, Done, Undo, normal, password::NewPassword};
use crate::store::{
    Bag, Cell, FieldId, FieldKind, Report, Row, Source, StoreError, Target, Value,
    dn::{AvaValue, Dn},
    ldap::{
        control,
        entry::{DN, attributes_of, is_pseudo},
        filter::assertion,
        matching::is_equal,
        modify::{Action, Care, Edit, mods, ordered_set, slim},
        pool::Lane,
        request::{Attribute, Query, Request},
        result::{OpError, Operation, Refusal, ResultCode},
        server::{Permissive, Vendor},
        syntax,
    },
};

/// So many values of a list are looked for one by one.
const FEW_VALUES: usize = 10;
/// Attempts at a modification that meets others changing the same attribute.
const MODIFY_ATTEMPTS: usize = 4;

impl Apply {
    pub(super) async fn insert(
        &mut self,
        bag: &Bag,
        (cells, password): (&[(FieldId, Cell)], Option<NewPassword<'_>>),
        report: &[FieldId],
        unless_exists: bool,
    ) -> Result<Done, StoreError> {
        let mut values: Vec<(FieldId, Vec<Value>)> = Vec::with_capacity(cells.len());
        for (field, cell) in cells {
            values.push((*field, self.resolve(cell)?));
        }
        let text = values
            .iter()
            .find(|(id, _)| bag.field_name(*id).eq_ignore_ascii_case(DN))
            .and_then(|(_, dn)| dn.first())
            .map(Value::to_text)
            .ok_or_else(|| StoreError::Corrupt(format!("a new entry of {} has no DN", bag.name)))?;
        let parsed = Dn::parse(&text).map_err(|e| StoreError::ConstraintViolated {
            constraint: DN.to_owned(),
            reason: e.to_string(),
        })?;
        let dn = parsed.to_string();
        // Who may not add there need not, if it is there.
        if unless_exists && report.is_empty() && self.is_there(bag, &dn).await? {
            self.tell(|| format!("{dn} is there already"));
            return Ok(Done::default());
        }
        let is_told = self.is_rehearsal();
        if unless_exists {
            self.tell(|| "unless it is there already".to_owned());
        }
        let reads_back = !report.is_empty() && self.server.has_control(control::POST_READ);
        let controls = match reads_back {
            true => vec![control::post_read(&attributes_of(bag, report))],
            false => vec![],
        };
        let mut attributes = attributes(bag, &parsed, &values);
        if let Some(password) = password.filter(|password| password.is_of(&dn)) {
            attributes.push(password.attribute());
            self.with_password.insert(normal(&dn));
        }
        let request = Request::Add { dn: &dn, attributes };
        let answer = match self.send(request, controls).await {
            Ok(answer) => {
                self.own.insert(normal(&dn));
                self.undo.push(Undo::Delete { dn: dn.clone() });
                answer
            }
            Err(e) if unless_exists && e.code() == Some(ResultCode::EntryAlreadyExists) => vec![],
            Err(error) => {
                let rdn = parsed.rdn().and_then(|rdn| rdn.avas().first()).map_or("", |a| &a.attribute);
                return Err(blame_name(error, &parsed).into_store(Operation::Add, &bag.name, rdn));
            }
        };
        let report_values = match is_told {
            true => Self::supposed(bag, report),
            false => self.report(bag, &dn, report, &answer).await?,
        };
        Ok(Done { fields: report.to_vec(), report: report_values })
    }

    async fn is_there(&self, bag: &Bag, dn: &str) -> Result<bool, StoreError> {
        let found = self.read(bag, dn, &[]).await;
        found.map(|row| row.is_some()).map_err(|error| error.into_store(Operation::Search, &bag.name, ""))
    }

    /// Fields of a new entry: from the answer, or by reading it.
    async fn report(
        &self,
        bag: &Bag,
        dn: &str,
        fields: &[FieldId],
        answer: &[Control],
    ) -> Result<Report, StoreError> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let row = match control::read_back(answer) {
            Some(entry) => Some(entry.into_row(bag, fields)?),
            None => self
                .read(bag, dn, fields)
                .await
                .map_err(|e| e.into_store(Operation::Search, &bag.name, ""))?,
        };
        // Another server may answer by now, which has not heard of it yet.
        let row = row.ok_or_else(|| StoreError::Unavailable("a new entry cannot be read yet".to_owned()))?;
        Ok(fields.iter().map(|f| row.all(*f).to_vec()).collect())
    }

    /// Modifies the entries of a target, in one request together with the password that goes with them; false
    /// if there is none.
    pub(super) async fn update(
        &mut self,
        bag: &Bag,
        target: &Target,
        edits: &[Edit],
        password: Option<NewPassword<'_>>,
    ) -> Result<bool, StoreError> {
        let mut is_found = false;
        for entry in self.locate(bag, target).await? {
            let was = entry.anchor.as_ref().and_then(|anchor| self.expected.get(&anchor.to_text()));
            let once = async |dn: &str, edits: &[Edit], guard: Vec<RawControl>| match was {
                Some(was) => self.modify_as_read(bag, dn, (edits, password), was, guard).await,
                None => self.modify(bag, dn, (edits, password), guard).await,
            };
            let modify = async |dn: &str, guard: Vec<RawControl>| {
                let back = self.way_back(bag, dn, edits).await?;
                let outcome = once(dn, edits, guard.clone()).await;
                // The server does not let the last value go: another one must come in its stead.
                match with_floors(edits).filter(|_| is(&outcome, ResultCode::ObjectClassViolation)) {
                    Some(edits) => {
                        let back = self.way_back(bag, dn, &edits).await?;
                        once(dn, &edits, guard).await.map(|()| back)
                    }
                    None => outcome.map(|()| back),
                }
            };
            let done = self.on_entry(bag, &entry, Operation::Modify, modify).await;
            let done =
                done.map_err(|error| if password.is_none() { blame_only(error, edits) } else { error })?;
            if let Some((dn, back)) = done {
                is_found = true;
                if password.is_some() {
                    self.with_password.insert(normal(&dn));
                }
                self.undo.extend((!back.is_empty()).then_some(Undo::Modify { dn, edits: back }));
                let was = entry.anchor.as_ref().and_then(|anchor| self.expected.get_mut(&anchor.to_text()));
                if let Some(was) = was {
                    changed(bag, was, edits);
                }
            }
            self.tell_floors(edits);
        }
        Ok(is_found)
    }

    /// What would give an entry back what edits take from it; nothing if no step comes after this one. Lists
    /// may be long: whether a value is in one is asked, for a few.
    async fn way_back(&self, bag: &Bag, dn: &str, edits: &[Edit]) -> Result<Vec<Edit>, OpError> {
        if !self.is_followed && !self.has_added() {
            return Ok(Vec::new());
        }
        let replaced = edits.iter().filter(|edit| edit.action == Action::Replace);
        let fields: Vec<FieldId> = replaced.filter_map(|e| bag.find_field(&e.attribute)).collect();
        let row = match fields.is_empty() {
            true => Row::new(bag),
            false => self.read(bag, dn, &fields).await?.ok_or_else(vanished)?,
        };
        let mut back = Vec::new();
        for edit in edits {
            let Some(field) = bag.find_field(&edit.attribute) else { continue };
            let (action, values) = match edit.action {
                Action::Replace => (Action::Replace, row.all(field).to_vec()),
                Action::Floor => continue,
                Action::Exchange => {
                    let mut back = edit.clone();
                    back.values.reverse();
                    let old = Edit { values: edit.values.iter().take(1).cloned().collect(), ..edit.clone() };
                    let is_held = !self.held(dn, &old, true).await?.is_empty();
                    (Action::Exchange, if is_held { back.values } else { continue })
                }
                _ if edit.values.len() > FEW_VALUES => continue,
                Action::Add => (Action::Remove, self.held(dn, edit, false).await?),
                Action::Remove => (Action::Add, self.held(dn, edit, true).await?),
            };
            back.push(Edit { action, values, ..edit.clone() });
        }
        back.reverse();
        Ok(back)
    }

    /// The values of an edit that the entry has, or those that it has not.
    async fn held(&self, dn: &str, edit: &Edit, has: bool) -> Result<Vec<Value>, OpError> {
        let mut values = Vec::new();
        for value in &edit.values {
            let filter = format!("({}={})", edit.attribute, assertion(value, edit.kind));
            let query = Query::base(dn, &filter, &["1.1"]);
            let found = match self.pool.search(Lane::Point, &query, &|_| Ok(Some(()))).await {
                Ok(found) => !found.is_empty(),
                Err(e) if e.code() == Some(ResultCode::NoSuchObject) => return Err(vanished()),
                Err(error) => return Err(error),
            };
            if found == has {
                values.push(value.clone());
            }
        }
        Ok(values)
    }

    pub(super) async fn modify(
        &self,
        bag: &Bag,
        dn: &str,
        (edits, password): (&[Edit], Option<NewPassword<'_>>),
        guard: Vec<RawControl>,
    ) -> Result<(), OpError> {
        let depends = edits.iter().any(|e| e.action != Action::Replace);
        // A permissive server would add the one value without the other one being there.
        let exchanges = edits.iter().any(|e| e.action == Action::Exchange);
        let permissive = if depends && !exchanges { self.server.permissive() } else { Permissive::Never };
        let mut controls = guard.clone();
        if permissive == Permissive::Always {
            controls.push(control::permissive_modify());
        }
        let mut outcome = self.send_edits(dn, (edits, password), &controls).await;
        if permissive == Permissive::Attempt && is(&outcome, ResultCode::AttributeOrValueExists) {
            controls.push(control::permissive_modify());
            let second = self.send_edits(dn, (edits, password), &controls).await;
            controls.pop();
            if !is(&second, ResultCode::UnavailableCriticalExtension) {
                outcome = second;
            }
        }
        let (mut adding, mut removing) = (Care::Strict, Care::Loose);
        for _ in 0..MODIFY_ATTEMPTS {
            match &outcome {
                Err(OpError::Refused(refusal)) if depends && self.is_so_already(refusal) => {}
                _ => return outcome,
            }
            let Some(row) = self.read(bag, dn, &edited_fields(bag, edits)).await? else {
                return Err(vanished());
            };
            let held = |name: &str| bag.find_field(name).map_or_else(Vec::new, |f| row.all(f).to_vec());
            let needed = slim(edits, &held, adding, removing);
            outcome = self.send_edits(dn, (&needed, password), &controls).await;
            if is(&outcome, ResultCode::NoSuchAttribute) {
                removing = Care::Strict;
            } else {
                adding = Care::Loose;
            }
        }
        outcome
    }

    pub(super) async fn send_edits(
        &self,
        dn: &str,
        (edits, password): (&[Edit], Option<NewPassword<'_>>),
        controls: &[RawControl],
    ) -> Result<(), OpError> {
        let mut mods = mods(edits);
        mods.extend(password.map(|password| password.change()));
        if mods.is_empty() {
            return Ok(());
        }
        self.send(Request::Modify { dn, mods }, controls.to_vec()).await.map(|_| ())
    }

    /// True for the codes that say "a value is there" or "a value is not there".
    /// Active Directory has its own for linked attributes.
    fn is_so_already(&self, refusal: &Refusal) -> bool {
        match refusal.code {
            ResultCode::AttributeOrValueExists | ResultCode::NoSuchAttribute => true,
            ResultCode::EntryAlreadyExists | ResultCode::UnwillingToPerform => {
                self.server.vendor == Vendor::ActiveDirectory
            }
            _ => false,
        }
    }

    /// Deletes the entries of a target; false if there is none.
    pub(super) async fn delete(&self, bag: &Bag, target: &Target) -> Result<bool, StoreError> {
        let mut is_found = false;
        for entry in self.locate(bag, target).await? {
            let delete = async |dn: &str, guard| self.send(Request::Delete { dn }, guard).await;
            is_found |= self.on_entry(bag, &entry, Operation::Delete, delete).await?.is_some();
        }
        Ok(is_found)
    }

    /// Renames or moves an entry; false if there is none.
    pub(super) async fn rename(&mut self, bag: &Bag, target: &Target, new: &str) -> Result<bool, StoreError> {
        let entries = self.locate(bag, target).await?;
        let [entry] = entries.as_slice() else {
            return match entries.is_empty() {
                true => Ok(false),
                false => Err(StoreError::Corrupt("several entries cannot take one name".to_owned())),
            };
        };
        let rename = async |dn: &str, guard| self.send_rename(dn, new, guard).await;
        let Some((old, ())) = self.on_entry(bag, entry, Operation::Rename, rename).await? else {
            return Ok(false);
        };
        if self.own.remove(&normal(&old)) {
            self.own.insert(normal(new));
        }
        if normal(&old) != normal(new) {
            self.renamed.remove(&normal(new));
            self.renamed.insert(normal(&old), new.to_owned());
        }
        self.undo.push(Undo::Rename { from: new.to_owned(), to: old });
        Ok(true)
    }

    pub(super) async fn send_rename(
        &self,
        old: &str,
        new: &str,
        controls: Vec<RawControl>,
    ) -> Result<(), OpError> {
        let parse = |text: &str| {
            Dn::parse(text).map_err(|e| StoreError::ConstraintViolated {
                constraint: DN.to_owned(),
                reason: e.to_string(),
            })
        };
        let (from, to) = (parse(old)?, parse(new)?);
        let (Some(rdn), Some(parent)) = (to.rdn(), to.parent()) else {
            return Err(StoreError::Corrupt("an entry cannot take the name of the root".to_owned()).into());
        };
        let superior = (from.parent().as_ref() != Some(&parent)).then(|| parent.to_string());
        let request = Request::Rename { dn: old, rdn: rdn.to_string(), superior };
        self.send(request, controls).await.map(|_| ()).map_err(|error| blame_name(error, &to))
    }
}

/// The longest RDN that OpenLDAP's database certainly takes: its index of names has keys of 511 bytes,
/// with the RDN twice in them.
const SAFE_RDN: usize = 240;

/// Finds out whether a new name is to blame. OpenLDAP answers one that is too long with "other" and not
/// a word; taken for a failure of the server, it would be tried again for ever.
fn blame_name(error: OpError, dn: &Dn) -> OpError {
    let Some(rdn) = dn.rdn().filter(|rdn| rdn.to_string().len() > SAFE_RDN) else { return error };
    match error {
        OpError::Refused(Refusal { code: ResultCode::Other, text, .. }) if text.trim().is_empty() => {
            let attribute = rdn.avas().first().map_or("", |a| a.attribute.as_str());
            OpError::Failed(StoreError::ConstraintViolated {
                constraint: attribute.to_owned(),
                reason: "the server does not take a name of this length".to_owned(),
            })
        }
        other => other,
    }
}

/// Names the only edit that can be to blame, where the server does not. Active Directory does not say which
/// value names an entry that does not exist.
fn blame_only(error: StoreError, edits: &[Edit]) -> StoreError {
    let mut suspects = edits.iter().filter(|edit| edits.len() == 1 || edit.kind == FieldKind::Dn);
    match (error, suspects.next(), suspects.next()) {
        (StoreError::ConstraintViolated { constraint, reason }, Some(edit), None)
            if constraint.is_empty() =>
        {
            StoreError::ConstraintViolated { constraint: edit.attribute.clone(), reason }
        }
        (error, ..) => error,
    }
}

/// The attributes of a new entry: object classes, the cells, and the values that name it.
fn attributes(bag: &Bag, dn: &Dn, cells: &[(FieldId, Vec<Value>)]) -> Vec<Attribute> {
    let mut all: Vec<(String, FieldKind, Vec<Value>)> = Vec::new();
    let mut add = |name: &str, kind: FieldKind, values: &[Value]| {
        let at = all.iter().position(|(n, ..)| n.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
            all.push((name.to_owned(), kind, Vec::new()));
            all.len() - 1
        });
        if let Some((_, kind, held)) = all.get_mut(at) {
            // Values of one field that differ in case were told apart before: the attribute's rule may, too.
            let of_others = held.len();
            for value in values {
                let (others, own) = held.split_at(of_others);
                if !others.iter().any(|h| is_equal(h, value, *kind)) && !own.contains(value) {
                    held.push(value.clone());
                }
            }
        }
    };
    if let Source::Entries { classes, .. } = &bag.source {
        let classes: Vec<Value> = classes.iter().map(|c| Value::from(c.as_str())).collect();
        add("objectClass", FieldKind::Text, &classes);
    }
    for (id, values) in cells {
        if let Some(field) = bag.fields.get(*id).filter(|f| !is_pseudo(&f.name)) {
            add(&field.name, field.kind, values);
        }
    }
    for ava in dn.rdn().map_or(&[][..], |rdn| rdn.avas()) {
        if let AvaValue::Text(text) = &ava.value {
            add(&ava.attribute, FieldKind::Text, &[Value::from(text.as_str())]);
        }
    }
    all.into_iter()
        .filter(|(_, _, values)| !values.is_empty())
        .map(|(name, kind, values)| {
            let octets: Vec<Vec<u8>> = values.iter().map(|v| syntax::encode(v, kind)).collect();
            (name.into_bytes(), ordered_set(&octets))
        })
        .collect()
}

/// The edits with the values that keep attributes from being empty; `None` if there are none.
fn with_floors(edits: &[Edit]) -> Option<Vec<Edit>> {
    let mut edits = edits.to_vec();
    let floors: Vec<&mut Edit> = edits.iter_mut().filter(|e| e.action == Action::Floor).collect();
    let any = !floors.is_empty();
    floors.into_iter().for_each(|edit| edit.action = Action::Add);
    any.then_some(edits)
}

/// What an entry holds after edits of it.
fn changed(bag: &Bag, held: &mut Row, edits: &[Edit]) {
    for edit in edits {
        let Some(field) = bag.find_field(&edit.attribute) else { continue };
        let is_in = |list: &[Value], value: &Value| list.iter().any(|v| is_equal(v, value, edit.kind));
        let values = match edit.action {
            Action::Replace => edit.values.clone(),
            Action::Add => {
                let old = held.all(field);
                let new = edit.values.iter().filter(|v| !is_in(old, v));
                old.iter().chain(new).cloned().collect()
            }
            Action::Remove => held.all(field).iter().filter(|v| !is_in(&edit.values, v)).cloned().collect(),
            Action::Floor => continue,
            Action::Exchange => {
                let mut left = held.all(field).to_vec();
                let [old, new] = edit.values.as_slice() else { continue };
                if is_in(&left, old) {
                    left.retain(|v| !is_equal(v, old, edit.kind) && !is_equal(v, new, edit.kind));
                    left.push(new.clone());
                }
                left
            }
        };
        held.set(field, values);
    }
}

/// Fields whose present values decide what is left to do.
fn edited_fields(bag: &Bag, edits: &[Edit]) -> Vec<FieldId> {
    let touched = edits.iter().filter(|e| e.action != Action::Replace);
    touched.filter_map(|e| bag.find_field(&e.attribute)).collect()
}

pub(super) fn is(outcome: &Result<(), OpError>, code: ResultCode) -> bool {
    outcome.as_ref().is_err_and(|e| e.code() == Some(code))
}

pub(super) fn vanished() -> OpError {
    OpError::Refused(Refusal::no_such_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Field, Predicate};

    #[test]
    fn a_new_entry_gets_its_classes_and_its_name() {
        let field = |name: &str, kind| Field { name: name.into(), kind, many: true };
        let bag = Bag {
            name: "User".into(),
            source: Source::Entries {
                bases: vec![],
                subtree: true,
                classes: vec!["inetOrgPerson".into(), "top".into()],
                rdn: vec![1],
            },
            fields: vec![
                field("dn", FieldKind::Dn),
                field("uid", FieldKind::Any),
                field("OBJECTCLASS", FieldKind::Any),
                field("n", FieldKind::Int),
            ],
            key: vec![],
            scope: Predicate::True,
        };
        let dn = Dn::default().child(&[("uid", "Ann"), ("cn", "a,b")]);
        let cells: Vec<(FieldId, Vec<Value>)> = vec![
            (0, vec![dn.to_string().into()]),
            (1, vec!["ann".into()]),
            (2, vec!["TOP".into(), "posixAccount".into()]),
            (3, vec![Value::Int(7)]),
        ];
        let mut found: Vec<(String, Vec<String>)> = attributes(&bag, &dn, &cells)
            .into_iter()
            .map(|(name, values)| {
                let text = |v: Vec<u8>| String::from_utf8(v).unwrap();
                (text(name), values.into_iter().map(text).collect())
            })
            .collect();
        found.sort();
        let expect: [(&str, &[&str]); 4] = [
            ("cn", &["a,b"]),
            ("n", &["7"]),
            ("objectClass", &["inetOrgPerson", "top", "posixAccount"]),
            ("uid", &["ann"]),
        ];
        for ((name, values), (expect_name, expect_values)) in found.iter().zip(expect) {
            assert_eq!(
                (name.as_str(), values.as_slice()),
                (expect_name, &expect_values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>()[..])
            );
        }
        assert_eq!(found.len(), 4);
    }
}
