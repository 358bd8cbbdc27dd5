//! The demo's company: a schema, and people, teams and departments to fill it.
//!
//! The same people come out every time, so that documentation and tests can
//! name them. Their names are meant to be awkward: apostrophes, diacritics,
//! two surnames, other scripts, no given name at all. This module knows SQL
//! text and nothing else of the gateway.

/// Departments with their cost centres; the first is led by the managing director.
const DEPARTMENTS: [(&str, &str); 13] = [
    ("Management", "1000"),
    ("Finance", "1100"),
    ("Human Resources", "1200"),
    ("Legal", "1300"),
    ("Information Technology", "2000"),
    ("Research & Development", "3000"),
    ("Quality Assurance", "3100"),
    ("Production", "4000"),
    ("Logistics", "4100"),
    ("Procurement", "4200"),
    ("Sales Europe", "5000"),
    ("Sales Asia-Pacific", "5100"),
    ("Customer Service", "6000"),
];

/// Teams cut across departments.
const TEAMS: [(&str, &str); 16] = [
    ("All Staff", "Everybody"),
    ("Board", "Heads of department"),
    ("Works Council", "Elected representatives"),
    ("First Aiders", "Trained in first aid"),
    ("Fire Wardens", "Lead people out of the building"),
    ("VPN Users", "May work from elsewhere"),
    ("Building 7", "Have a key to building 7"),
    ("Project Aurora", "Next year's product"),
    ("Project Kestrel", "Move of the warehouse"),
    ("ERP Key Users", "Answer questions about the ERP"),
    ("Data Protection", "Handle requests of data subjects"),
    ("Safety Committee", "Meets each quarter"),
    ("Mentors", "Take care of newcomers"),
    ("Newcomers 2026", "Joined this year"),
    ("Choir", "Sings on Thursdays"),
    ("Football", "Plays on Tuesdays"),
];

/// Where people live: language tag, country, city, region, postal code, street.
const PLACES: [[&str; 6]; 12] = [
    ["en-IE", "IE", "Galway", "Connacht", "H91 E9T2", "12 Quay Street"],
    ["de-DE", "DE", "Nürnberg", "Bayern", "90402", "Königstraße 8"],
    ["fr-FR", "FR", "Besançon", "Bourgogne-Franche-Comté", "25000", "3 rue de l'Orme"],
    ["es-ES", "ES", "A Coruña", "Galicia", "15001", "Rúa Real, 41"],
    ["pl-PL", "PL", "Łódź", "łódzkie", "90-001", "ul. Piotrkowska 77"],
    ["sv-SE", "SE", "Malmö", "Skåne", "211 22", "Östra Förstadsgatan 5"],
    ["tr-TR", "TR", "İzmir", "İzmir", "35210", "Şair Eşref Blv. 18"],
    ["vi-VN", "VN", "Đà Nẵng", "Đà Nẵng", "550000", "90 Nguyễn Văn Linh"],
    ["zh-CN", "CN", "上海", "上海市", "200000", "南京东路 100 号"],
    ["ja-JP", "JP", "札幌市", "北海道", "060-0001", "北1条西2丁目"],
    ["pt-BR", "BR", "São Paulo", "SP", "01310-100", "Av. Paulista, 1000"],
    ["en-US", "US", "Duluth", "MN", "55802", "200 W 1st St #3"],
];

const GIVEN: [&[&str]; 12] = [
    &["Aoife", "Séamus", "Niamh", "Conor", "Róisín", "Declan"],
    &["Jürgen", "Käthe", "Anneliese", "Björn", "Heike", "Lukas"],
    &["Zoé", "Jean-Luc", "Anaïs", "François", "Hélène", "Théo"],
    &["María José", "Íñigo", "Begoña", "Joaquín", "Lucía", "Ángel"],
    &["Małgorzata", "Łukasz", "Agnieszka", "Wojciech", "Zofia", "Michał"],
    &["Åsa", "Björn", "Märta", "Örjan", "Linnéa", "Göran"],
    &["Ayşe", "Çağrı", "İpek", "Uğur", "Gülşen", "Ömer"],
    &["Thị Hương", "Đức", "Thúy Vân", "Quốc", "Lan Anh", "Tuấn"],
    &["伟", "芳", "秀英", "敏", "静", "丽"],
    &["翔太", "美咲", "健", "葵", "大輔", "陽子"],
    &["João", "Conceição", "Antônio", "Luíza", "Caio", "Inês"],
    &["Mary Ann", "Jamal", "DeShawn", "Billie-Jo", "Kai", "Xochitl"],
];

const FAMILY: [&[&str]; 12] = [
    &["O'Malley", "Ní Dhomhnaill", "Mac Giolla", "O'Connor", "Burke"],
    &["Müller", "Groß", "von der Heide", "Schröder-Weiß", "Jäger"],
    &["D'Aubigné", "Lefèvre", "de La Tour", "Noël", "Le Goff"],
    &["García Márquez", "Núñez y Castro", "Fernández", "Ibáñez Ruiz", "Peña"],
    &["Wiśniewska", "Wójcik", "Kowalczyk-Żak", "Dąbrowski", "Szczęsny"],
    &["Åkesson", "Öberg", "Lindström", "af Klercker", "Sjögren"],
    &["Yıldız", "Öztürk", "Şahin", "Güneş", "Kılıç"],
    &["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng"],
    &["李", "王", "张", "欧阳", "陈"],
    &["佐藤", "鈴木", "高橋", "小林", "渡辺"],
    &["da Silva", "Gonçalves", "dos Santos Araújo", "Brandão", "Conceição"],
    &["Smith", "Running Deer", "St. John", "McDonald III", "Ng"],
];

const TITLES: [&str; 8] = [
    "Specialist",
    "Senior Specialist",
    "Assistant",
    "Engineer",
    "Analyst",
    "Coordinator",
    "Clerk",
    "Trainee",
];

/// Number of employees.
const PEOPLE: usize = 240;

/// First employee number; the managing director has it.
const FIRST: usize = 1001;

/// Makes and fills the database: the schema, then the people. The caller opens the transaction.
#[must_use]
pub fn statements() -> [String; 2] {
    [schema_sql().to_owned(), seed_sql()]
}

/// The schema: plain SQLite, without anything of the gateway.
#[must_use]
pub fn schema_sql() -> &'static str {
    include_str!("schema.sql")
}

/// Statements that fill the schema.
#[must_use]
pub fn seed_sql() -> String {
    let mut sql = String::new();
    for (index, (name, cost_center)) in DEPARTMENTS.iter().enumerate() {
        insert(&mut sql, "departments", &[number(index + 1), text(name), text(cost_center)]);
    }
    for (code, label) in [("E", "Employee"), ("C", "Contractor"), ("I", "Intern")] {
        insert(&mut sql, "employment_kinds", &[text(code), text(label)]);
    }
    for index in 0..PEOPLE {
        Person::new(index).write(&mut sql);
    }
    for (index, (name, purpose)) in TEAMS.iter().enumerate() {
        let stamp = text("2020-02-03 08:00:00");
        insert(&mut sql, "teams", &[number(index + 1), text(name), text(purpose), stamp.clone(), stamp]);
    }
    for team in 0..TEAMS.len() {
        for person in (0..PEOPLE).filter(|person| is_member(team, *person)) {
            let joined = day(person * 7 + team);
            insert(&mut sql, "team_members", &[number(team + 1), number(FIRST + person), joined]);
        }
    }
    sql
}

/// A person, computed from a running number.
struct Person {
    index: usize,
    place: [&'static str; 6],
    given: Option<&'static str>,
    family: &'static str,
}

impl Person {
    fn new(index: usize) -> Self {
        // Steps that share no factor with the lists' lengths: neighbours differ.
        let origin = (index * 5 + index / 12) % PLACES.len();
        let given = pick(pick(&GIVEN, origin), index / 2 + index / 24);
        let family = pick(pick(&FAMILY, origin), index + index / 60);
        // One in forty has a single name.
        let given = (index % 40 != 39).then_some(given);
        Self { index, place: pick(&PLACES, origin), given, family }
    }

    /// Latin letters of the name, then the number: what the company's admins type.
    fn login(&self) -> String {
        let name: String =
            self.family.chars().filter_map(plain_letter).flat_map(char::to_lowercase).take(8).collect();
        let name = if name.is_empty() { "staff".to_owned() } else { name };
        format!("{name}{}", FIRST + self.index)
    }

    /// East Asian and Vietnamese names begin with the family.
    fn display_name(&self) -> String {
        let given = self.given.unwrap_or("");
        let name = match self.place[1] {
            "CN" | "JP" => format!("{}{given}", self.family),
            "VN" => format!("{} {given}", self.family),
            _ => format!("{given} {}", self.family),
        };
        name.trim().to_owned()
    }

    /// The heads of department report to the managing director, everybody else to a head or a deputy.
    fn manager(&self) -> Option<usize> {
        let heads = DEPARTMENTS.len();
        match self.index {
            0 => None,
            i if i < heads => Some(0),
            i if i < heads * 3 => Some(i % heads),
            i => Some(heads + i % (heads * 2)),
        }
    }

    fn title(&self) -> &'static str {
        match self.index {
            0 => "Managing Director",
            i if i < DEPARTMENTS.len() => "Head of Department",
            i if i < DEPARTMENTS.len() * 3 => "Team Lead",
            i => pick(&TITLES, i / 3),
        }
    }

    fn write(&self, sql: &mut String) {
        let i = self.index;
        let emp_no = number(FIRST + i);
        let heads = i < DEPARTMENTS.len() * 3;
        let status = match i % 23 {
            11 if !heads => "T",
            17 if !heads => "L",
            _ => "A",
        };
        let kind = match i % 9 {
            4 if !heads => "C",
            7 if !heads => "I",
            _ => "E",
        };
        let department = i % DEPARTMENTS.len();
        let [language, country, city, region, postal_code, street] = self.place;
        let left = if status == "T" { text("2026-06-30") } else { null() };
        let stamp = text(&format!("2026-01-{:02} 0{}:30:00", i % 28 + 1, i % 10));
        insert(
            sql,
            "employees",
            &[
                emp_no.clone(),
                text(&self.login()),
                null(),
                self.given.map_or_else(null, text),
                null(),
                text(self.family),
                text(&self.display_name()),
                text(self.title()),
                text(status),
                text(kind),
                number(department + 1),
                self.manager().map_or_else(null, |m| number(FIRST + m)),
                text(&format!("B-{:05}", 70_000 + i * 3)),
                text(pick(&DEPARTMENTS, department).1),
                text(language),
                text(street),
                text(city),
                text(region),
                text(postal_code),
                text(country),
                day(i * 11),
                left,
                null(),
                stamp.clone(),
                stamp,
            ],
        );
        let work = text(&format!("{}@example.com", self.login()));
        insert(sql, "employee_emails", &[number(i * 2 + 1), emp_no.clone(), text("W"), work, number(1)]);
        if i.is_multiple_of(3) {
            let home = text(&format!("{}@mail.example", self.login()));
            insert(sql, "employee_emails", &[number(i * 2 + 2), emp_no.clone(), text("H"), home, number(0)]);
        }
        let desk = text(&format!("+49 911 555-{:04}", 1000 + i));
        insert(sql, "employee_phones", &[number(i * 2 + 1), emp_no.clone(), text("W"), desk]);
        if i.is_multiple_of(2) {
            let mobile = text(&format!("+49 151 555 {:05}", 20_000 + i * 37));
            insert(sql, "employee_phones", &[number(i * 2 + 2), emp_no, text("M"), mobile]);
        }
    }
}

/// Who belongs to which team.
fn is_member(team: usize, person: usize) -> bool {
    match team {
        0 => true,
        1 => person < DEPARTMENTS.len(),
        5 => person.is_multiple_of(2),
        _ => (person * 31 + team * 17).is_multiple_of(7 + team),
    }
}

/// Strips the commonest diacritics; letters of other scripts have no plain form.
fn plain_letter(letter: char) -> Option<char> {
    let plain = match letter {
        'á' | 'ã' | 'å' | 'ä' | 'ą' => 'a',
        'Å' => 'A',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' | 'ę' => 'e',
        'í' | 'ı' => 'i',
        'ñ' => 'n',
        'ö' | 'ó' | 'õ' => 'o',
        'Ö' => 'O',
        'ß' | 'ś' | 'ş' => 's',
        'Ş' => 'S',
        'ü' | 'ú' => 'u',
        'ż' => 'z',
        other => other,
    };
    plain.is_ascii_alphabetic().then_some(plain)
}

/// The element of a list at a running number that may exceed its length.
fn pick<T: Copy + Default>(list: &[T], number: usize) -> T {
    list.get(number % list.len().max(1)).copied().unwrap_or_default()
}

fn insert(sql: &mut String, table: &str, values: &[String]) {
    sql.push_str(&format!("insert into {table} values ({});\n", values.join(", ")));
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn number(value: usize) -> String {
    value.to_string()
}

fn null() -> String {
    "null".to_owned()
}

/// A day between 1998 and 2025.
fn day(seed: usize) -> String {
    text(&format!("{}-{:02}-{:02}", 1998 + seed % 28, seed % 12 + 1, seed % 28 + 1))
}

#[cfg(test)]
mod tests {
    use diesel::{
        Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection,
        connection::SimpleConnection as _,
    };

    use super::*;

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }

    fn filled() -> SqliteConnection {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute("pragma foreign_keys = on").unwrap();
        connection.transaction(|c| statements().iter().try_for_each(|sql| c.batch_execute(sql))).unwrap();
        connection
    }

    fn count(connection: &mut SqliteConnection, from: &str) -> i64 {
        diesel::sql_query(format!("select count(*) as n from {from}"))
            .get_result::<Count>(connection)
            .unwrap()
            .n
    }

    #[test]
    fn the_company_has_its_size() {
        let mut c = filled();
        for (from, least) in [
            ("employees", PEOPLE as i64),
            ("departments", 12),
            ("teams", 15),
            ("employee_emails where kind = 'W' and is_primary = 1", PEOPLE as i64),
            ("employees where status_code = 'T' and left_on is not null", 5),
            ("employees where status_code = 'L'", 5),
            ("employees where first_name is null", 5),
            ("employees where kind_code = 'C'", 5),
            ("team_members", 500),
        ] {
            assert!(count(&mut c, from) >= least, "{from}");
        }
        assert_eq!(count(&mut c, "(select team_id from team_members group by team_id)"), TEAMS.len() as i64);
    }

    #[test]
    fn managers_form_one_tree() {
        let mut c = filled();
        assert_eq!(count(&mut c, "employees where manager_emp_no is null"), 1);
        let tree = "(with recursive below(emp_no) as (select 1001 union all select e.emp_no from employees e \
                    join below b on e.manager_emp_no = b.emp_no) select distinct emp_no from below)";
        assert_eq!(count(&mut c, tree), PEOPLE as i64);
    }

    #[test]
    fn awkward_names_are_among_them() {
        let mut c = filled();
        for name in ["O''Malley", "Müller", "李", "García Márquez", "Nguyễn", "St. John"] {
            assert!(count(&mut c, &format!("employees where last_name = '{name}'")) > 0, "{name}");
        }
    }

    #[test]
    fn every_run_gives_the_same_people() {
        assert_eq!(seed_sql(), seed_sql());
        assert!(!seed_sql().is_ascii(), "names keep their letters");
    }
}
