//! Who a provider's claims say somebody is (OpenID Connect Core, 5.1).
//!
//! Claims of the ID token come first; userinfo is asked for those alone that are configured and missing there. What is missing
//! in both is missing: a name is then nobody's, and a list of groups that the provider says it left out is an error, because
//! the group that restricts may be in it.

use portcullis_model::proof::Failure;
use serde_json::Value;

use super::token::{Claims, subject};

/// Longest text that is taken of a profile, in bytes.
const TEXT_MAX: usize = 320;
/// Claims that say which ones were too large to be put in (OpenID Connect Core, 5.6.2; Entra ID's "overage").
const LEFT_OUT: [&str; 2] = ["_claim_names", "hasgroups"];

/// Which claims count.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// The one with the user's name.
    pub(super) name: &'a str,
    /// The one with the groups, when they count.
    pub(super) groups: Option<&'a str>,
}

/// What claims say of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) email: String,
}

/// Whether a claim that counts is missing, so that it is worth asking for.
pub(super) fn incomplete(claims: &Claims, wanted: &Wanted<'_>) -> bool {
    let missing = |name: &str| claims.get(name).is_none_or(Value::is_null);
    missing(wanted.name) || wanted.groups.is_some_and(missing)
}

/// Adds what userinfo says to what the token says; nothing of the token is overridden.
///
/// # Errors
/// [`Failure::Rejected`] when it speaks of somebody else (5.3.4).
pub(super) fn complete(claims: &mut Claims, userinfo: Claims) -> Result<(), Failure> {
    let same = subject(claims).is_some() && subject(claims) == subject(&userinfo);
    if !same {
        return Err(Failure::rejected("userinfo speaks of somebody else"));
    }
    for (name, value) in userinfo {
        if claims.get(&name).is_none_or(Value::is_null) {
            claims.insert(name, value);
        }
    }
    Ok(())
}

impl Person {
    /// Who it is.
    ///
    /// # Errors
    /// [`Failure::Rejected`] without a name, [`Failure::Protocol`] for claims that can't be read.
    pub(super) fn of(claims: &Claims, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = match claims.get(wanted.name) {
            Some(Value::String(name)) if !name.is_empty() => name.clone(),
            None | Some(Value::Null | Value::String(_)) => {
                return Err(Failure::rejected(&format!("the provider says no `{}`", wanted.name)));
            }
            Some(_) => return Err(Failure::protocol(&format!("the claim `{}` is no text", wanted.name))),
        };
        // Whoever may write any address into a profile could be anybody by it: only `true` itself counts, no text or number.
        if wanted.name == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(Failure::rejected("the provider has not verified the mail address that is the name"));
        }
        Ok(Self {
            subject: subject(claims).ok_or_else(|| Failure::protocol("no `sub`"))?.to_owned(),
            name,
            groups: wanted.groups.map_or(Ok(Vec::new()), |name| groups(claims, name))?,
            first: cut(text("given_name")),
            last: cut(text("family_name")),
            email: cut(text("email")),
        })
    }
}

fn groups(claims: &Claims, name: &str) -> Result<Vec<String>, Failure> {
    let wrong = || Failure::protocol(&format!("the claim `{name}` is no list of texts"));
    match claims.get(name) {
        None | Some(Value::Null) => {
            let left_out = match (claims.get(LEFT_OUT[0]), claims.get(LEFT_OUT[1])) {
                (Some(Value::Object(names)), _) => names.contains_key(name),
                (_, Some(said)) => said != &Value::Bool(false),
                _ => false,
            };
            if left_out {
                return Err(Failure::protocol(&format!(
                    "the provider left `{name}` out because it is too long"
                )));
            }
            Ok(Vec::new())
        }
        Some(Value::String(one)) if one.is_empty() => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            let text = |value: &Value| {
                value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(wrong)
            };
            let mut groups: Vec<String> = several.iter().map(text).collect::<Result<_, _>>()?;
            groups.sort();
            groups.dedup();
            Ok(groups)
        }
        Some(_) => Err(wrong()),
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::signer::{claims, claims_with};
    use super::*;

    const WANTED: Wanted<'_> = Wanted { name: "preferred_username", groups: Some("groups") };

    fn object(value: Value) -> Claims {
        match value {
            Value::Object(claims) => claims,
            other => unreachable!("{other} is an object"),
        }
    }

    fn person(claims: Value, wanted: &Wanted<'_>) -> Result<Person, Failure> {
        Person::of(&object(claims), wanted)
    }

    #[test]
    fn claims_say_who_it_is() {
        let anna = person(claims(), &WANTED).expect("a person");
        assert_eq!((anna.name.as_str(), anna.subject.as_str()), ("anna", "248289761001"));
        assert_eq!(
            (anna.first.as_str(), anna.last.as_str(), anna.email.as_str()),
            ("Anna", "Example", "anna@example.com")
        );
        assert_eq!(anna.groups, ["analysts", "staff"]);
        let without = Wanted { groups: None, ..WANTED };
        assert!(person(claims(), &without).expect("a person").groups.is_empty());
        // A profile is never a reason to refuse.
        let odd = person(claims_with("given_name", json!(7)), &WANTED).expect("a person");
        assert_eq!(odd.first, "");
        let long = person(claims_with("given_name", json!("é".repeat(1000))), &WANTED).expect("a person");
        assert_eq!(long.first.len(), TEXT_MAX);
    }

    #[test]
    fn names_that_can_not_be_read() {
        let rejected = Failure::rejected("the provider says no `preferred_username`");
        for (value, failure) in [
            (Value::Null, rejected.clone()),
            (json!(""), rejected),
            (json!(7), Failure::protocol("the claim `preferred_username` is no text")),
            (json!(["anna", "root"]), Failure::protocol("the claim `preferred_username` is no text")),
        ] {
            assert_eq!(person(claims_with("preferred_username", value), &WANTED), Err(failure));
        }
    }

    #[test]
    fn a_mail_address_is_a_name_only_when_it_is_verified() {
        let wanted = Wanted { name: "email", groups: None };
        assert_eq!(person(claims(), &wanted).expect("a person").name, "anna@example.com");
        for value in
            [json!(false), json!("true"), json!(1), json!([true]), json!({"email": true}), Value::Null]
        {
            let person = person(claims_with("email_verified", value.clone()), &wanted);
            assert!(matches!(person, Err(Failure::Rejected(_))), "{value}");
        }
    }

    #[test]
    fn groups_are_texts_and_never_shortened() {
        let groups = |value: Value| person(claims_with("groups", value), &WANTED).map(|person| person.groups);
        assert_eq!(groups(json!([])), Ok(vec![]));
        assert_eq!(groups(Value::Null), Ok(vec![]));
        assert_eq!(groups(json!("staff")), Ok(vec!["staff".to_owned()]));
        assert_eq!(groups(json!(["b", "a", "b"])), Ok(vec!["a".to_owned(), "b".to_owned()]));
        for wrong in [json!(["a", 7]), json!({"a": true}), json!(7), json!([""]), json!([["a"]])] {
            assert!(matches!(groups(wrong.clone()), Err(Failure::Protocol(_))), "{wrong}");
        }
        let mut over = object(claims_with("groups", Value::Null));
        over.insert("_claim_names".into(), json!({"groups": "src1"}));
        assert!(matches!(Person::of(&over, &WANTED), Err(Failure::Protocol(_))));
        over.insert("_claim_names".into(), json!({"other": "src1"}));
        assert!(Person::of(&over, &WANTED).is_ok());
        let mut over = object(claims_with("groups", Value::Null));
        over.insert("hasgroups".into(), json!(true));
        assert!(matches!(Person::of(&over, &WANTED), Err(Failure::Protocol(_))));
    }

    #[test]
    fn userinfo_adds_and_never_overrides() {
        let mut token = object(claims_with("preferred_username", Value::Null));
        assert!(incomplete(&token, &WANTED));
        let info =
            json!({"sub": "248289761001", "preferred_username": "anna", "groups": ["wheel"], "iss": "x"});
        complete(&mut token, object(info)).expect("the same person");
        let anna = Person::of(&token, &WANTED).expect("a person");
        assert_eq!(
            (anna.name.as_str(), anna.groups),
            ("anna", vec!["analysts".to_owned(), "staff".to_owned()])
        );
        assert_eq!(token["iss"], claims()["iss"]);
        assert!(!incomplete(&token, &WANTED));
        for other in
            [json!({"sub": "2", "preferred_username": "root"}), json!({"preferred_username": "root"})]
        {
            let mut token = object(claims_with("preferred_username", Value::Null));
            assert!(matches!(complete(&mut token, object(other)), Err(Failure::Rejected(_))));
            assert!(token.get("preferred_username").is_none());
        }
    }
}
