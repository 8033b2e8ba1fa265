//! How long a presence lasts, where its client says so: in `extend`, of this server's own.

use adsum_tim::{Code, Form, Limits, TimPresence};

/// For how many milliseconds the presence holds.
pub(crate) const FOR: &str = "adsum.for";
/// The presence for the time after it, as JSON.
pub(crate) const THEN: &str = "adsum.then";

/// How long a presence lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lasting {
    pub(crate) for_ms: Option<u64>,
    pub(crate) then: Option<TimPresence>,
}

/// Takes out of a presence how long it lasts: nobody is told of that.
///
/// # Errors
/// `Parameter` for no number, one that is too large, a presence after nothing, and one for the time
/// after it that cannot be read or says how long it lasts itself.
pub(crate) fn take_lasting(sent: &mut TimPresence, limits: &Limits) -> Result<Lasting, Code> {
    let Some(extend) = &mut sent.extend else { return Ok(Lasting::default()) };
    let (for_ms, then) = (extend.remove(FOR), extend.remove(THEN));
    if extend.is_empty() && (for_ms.is_some() || then.is_some()) {
        sent.extend = None;
    }
    let longest = adsum::Options::default().max_expiry_ms;
    let number = |text: String| text.parse().ok().filter(|for_ms| *for_ms <= longest);
    let for_ms = for_ms.map(|text| number(text).ok_or(Code::Parameter)).transpose()?;
    let decode = |text: String| TimPresence::decode(Form::Json, text.as_bytes(), limits);
    let then = then.map(decode).transpose().map_err(|_| Code::Parameter)?;
    let ends_too = |then: &TimPresence| {
        let extend = then.extend.as_ref();
        extend.is_some_and(|extend| extend.contains_key(FOR) || extend.contains_key(THEN))
    };
    if then.is_some() && for_ms.is_none() || then.as_ref().is_some_and(ends_too) {
        return Err(Code::Parameter);
    }
    Ok(Lasting { for_ms, then })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(extend: &[(&str, &str)]) -> (Result<Lasting, Code>, Option<usize>) {
        let extend = extend.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut sent = TimPresence { extend: Some(extend.collect()), ..TimPresence::default() };
        let lasting = take_lasting(&mut sent, &Limits::default());
        (lasting, sent.extend.map(|extend| extend.len()))
    }

    #[test]
    fn it_is_taken_out_and_the_rest_stays() {
        assert_eq!(taken(&[("mood", "good")]), (Ok(Lasting::default()), Some(1)));
        assert_eq!(taken(&[]), (Ok(Lasting::default()), Some(0)));
        let lasting = Lasting { for_ms: Some(5_000), then: None };
        assert_eq!(taken(&[("adsum.for", "5000")]), (Ok(lasting.clone()), None));
        assert_eq!(taken(&[("adsum.for", "5000"), ("mood", "good")]), (Ok(lasting), Some(1)));
        let then = TimPresence { status: Some("here".to_owned()), ..TimPresence::default() };
        let lasting = Lasting { for_ms: Some(0), then: Some(then) };
        let extend = [("adsum.for", "0"), ("adsum.then", r#"{"status":"here"}"#)];
        assert_eq!(taken(&extend), (Ok(lasting), None));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let longest = adsum::Options::default().max_expiry_ms;
        assert!(taken(&[("adsum.for", &longest.to_string())]).0.is_ok());
        for wrong in ["", "-1", "1.5", "soon", &(longest + 1).to_string()] {
            assert_eq!(taken(&[("adsum.for", wrong)]).0, Err(Code::Parameter), "{wrong}");
        }
        let ends = r#"{"extend":{"adsum.for":"5"}}"#;
        let goes_on = r#"{"extend":{"adsum.then":"{}"}}"#;
        for wrong in [
            &[("adsum.then", "{}")][..],
            &[("adsum.for", "1"), ("adsum.then", "[")],
            &[("adsum.for", "1"), ("adsum.then", ends)],
            &[("adsum.for", "1"), ("adsum.then", goes_on)],
        ] {
            assert_eq!(taken(wrong).0, Err(Code::Parameter), "{wrong:?}");
        }
    }
}
