use super::*;
use crate::imports::ColumnMap;

fn mapped(export: &str, map: &str) -> Result<Imported, ImportError> {
    let options = Options { columns: Some(ColumnMap::parse(map)?), ..Options::default() };
    read(export.as_bytes(), Format::Csv, &options)
}

#[test]
fn each_column_goes_where_its_user_says() {
    let export = "Account;Login Name;Secret;Web;Web 2;Customer No;Pin;Group;Labels;Nr;Comment;OTP;Color\n\
        Mail;ada;p;https://a.example;https://b.example;4711;99;Work/Mail;red, blue;17;hello;JBSWY3DPEHPK3PXP;green\n";
    let map = "name=account, user=Login Name,password=Secret,url=Web,url=Web 2,field=Customer No,hidden=Pin,\
        folder=Group,tags=Labels,id=Nr,note=Comment,totp=OTP";
    let imported = mapped(export, map).unwrap();
    let item = imported.item("Mail");
    assert_eq!(item.parts(), ["Mail", "Work/Mail", "ada", "p", "JBSWY3DPEHPK3PXP", "hello", "login"]);
    assert_eq!(item.urls, ["https://a.example", "https://b.example"]);
    assert_eq!(item.tags, ["red", "blue"]);
    assert_eq!(item.source_id, "17");
    assert_eq!(item.field("Customer No"), Some(("4711", false)));
    assert_eq!(item.field("Pin"), Some(("99", true)));
    assert_eq!(imported.report(), ["every item, color: the column was not named"]);
    for delimiter in [",", "\t"] {
        let export = format!("a{delimiter}b\nx{delimiter}y\n");
        assert_eq!(mapped(&export, "name=a,password=b").unwrap().item("x").password.expose(), "y");
    }
}

#[test]
fn a_map_that_does_not_fit_is_refused_in_words() {
    let error = |map| mapped("a,b\n1,2\n", map).unwrap_err();
    assert_eq!(error("name=a,user=c"), ImportError::NoSuchColumn { column: "c".to_owned() });
    for wrong in ["", "name", "name=", "owner=a", "name=a,name=b", "name=a,,"] {
        assert!(matches!(error(wrong), ImportError::ColumnMap { .. }), "{wrong}");
    }
    let text = error("owner=a").to_string();
    assert!(
        text.starts_with("\"owner=a\" names no column: write WHAT=COLUMN, where WHAT is one of name, user"),
        "{text}"
    );
    assert_eq!(refused("a,b\n1,2\n", Format::Csv), ImportError::NoColumns);
    let cut = mapped("a,b\n1,\"2", "name=a,password=b").unwrap_err();
    assert_eq!(cut, ImportError::Truncated);
}
