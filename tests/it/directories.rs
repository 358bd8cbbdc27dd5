//! The directory servers that tests start for themselves.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::support::{Product, TestStore};

#[test]
fn a_server_of_a_tests_own_holds_its_set() {
    let attribute = "( 1.3.6.1.4.1.4203.666.999.1 NAME 'shoeSize' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )";
    let class = "( 1.3.6.1.4.1.4203.666.999.2 NAME 'shod' SUP top AUXILIARY MAY shoeSize )";
    for product in [Product::Ds389, Product::ActiveDirectory] {
        let set = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(set.path().join(name), text).unwrap();
        let (user, more) = match product {
            Product::ActiveDirectory => (
                "CN=Ann,OU=Corp,DC=lab,DC=example",
                "dn: OU=Corp,DC=lab,DC=example\nobjectClass: organizationalUnit\n\n\
                 dn: CN=Ann,OU=Corp,DC=lab,DC=example\nobjectClass: user\nsAMAccountName: ann\n\
                 userAccountControl: 544\nsn: 44\n",
            ),
            _ => (
                "cn=Ann,dc=set,dc=test",
                "dn: dc=set,dc=test\nobjectClass: domain\ndc: set\n\n\
                 dn: cn=Ann,dc=set,dc=test\nobjectClass: person\nobjectClass: shod\nsn: 44\nshoeSize: 44\n",
            ),
        };
        write("base.ldif", more);
        write(
            "lock.ldif",
            &format!("dn: {user}\nchangetype: modify\nadd: description\ndescription: locked\n"),
        );
        fs::create_dir(set.path().join("schema")).unwrap();
        let schema = format!("dn: cn=schema\nattributeTypes: {attribute}\nobjectClasses: {class}\n");
        write("schema/99shoes.ldif", &schema);
        let mapping = PathBuf::from("no mapping");
        let Some(store) = TestStore::of_set(product, set.path(), mapping) else { continue };
        let directory = store.directory();
        let is_ad = product == Product::ActiveDirectory;
        assert_eq!(directory.values(user, if is_ad { "sn" } else { "shoeSize" }).unwrap(), ["44"]);
        assert_eq!(directory.values(user, "description").unwrap(), ["locked"]);
        if is_ad {
            assert_eq!(directory.values(user, "userAccountControl").unwrap(), ["512"]);
            assert!(directory.accepts("ann@lab.example", "Start.Test1"));
            assert!(!directory.accepts("ann@lab.example", "wrong"));
        }
    }
}
