//! The `data` of a request, member by member, each with its own error code.

mod preference;

use super::resume::{Resume, ResumedPub, ResumedSub};
use crate::refusal::Refusal;
use model::{ErrorCode, JsonText, MediaInfo, NodeId, Preference, RoomId, StreamId, SubscriptionId};
use protoo::json::{pick, text_of};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

/// The raw members that the protocol knows; others are ignored.
pub(super) struct Data<'a> {
    rid: Option<&'a str>,
    mid: Option<&'a str>,
    sid: Option<&'a str>,
    jsep: Option<&'a str>,
    minfo: Option<&'a str>,
    data: Option<&'a str>,
    sfuid: Option<&'a str>,
    resume: Option<&'a str>,
    record: Option<&'a str>,
    prefer: Option<&'a str>,
}

impl<'a> Data<'a> {
    pub(super) fn read(raw: Option<&'a str>) -> Result<Self, Refusal> {
        let raw = raw.ok_or_else(|| Refusal::missing(ErrorCode::Data, "data", "an object"))?;
        Self::object(raw).ok_or_else(|| Refusal::invalid(ErrorCode::Data, "data", "is no object"))
    }

    fn object(raw: &'a str) -> Option<Self> {
        let members = ["rid", "mid", "sid", "jsep", "minfo", "data", "sfuid", "resume", "record", "prefer"];
        let [rid, mid, sid, jsep, minfo, data, sfuid, resume, record, prefer] = pick(raw, members)?;
        Some(Self { rid, mid, sid, jsep, minfo, data, sfuid, resume, record, prefer })
    }

    pub(super) fn rid(&self) -> Result<RoomId, Refusal> {
        id(self.rid, "rid", ErrorCode::Rid, RoomId::parse)
    }

    pub(super) fn mid(&self) -> Result<StreamId, Refusal> {
        id(self.mid, "mid", ErrorCode::Mid, StreamId::parse)
    }

    pub(super) fn sid(&self) -> Result<SubscriptionId, Refusal> {
        id(self.sid, "sid", ErrorCode::Sid, SubscriptionId::parse)
    }

    /// Of a request that may be about a subscription.
    pub(super) fn optional_sid(&self) -> Result<Option<SubscriptionId>, Refusal> {
        self.sid.map(|_| self.sid()).transpose()
    }

    /// What a subscriber wants; of `subscribe`, which need not say.
    pub(super) fn optional_preference(&self) -> Result<Preference, Refusal> {
        self.prefer.map_or_else(|| Ok(Preference::default()), preference::read)
    }

    /// What a subscriber wants.
    pub(super) fn preference(&self) -> Result<Preference, Refusal> {
        let raw = self.prefer.ok_or_else(|| Refusal::missing(ErrorCode::Data, "prefer", "an object"))?;
        preference::read(raw)
    }

    fn sfu(&self) -> Result<NodeId, Refusal> {
        id(self.sfuid, "sfuid", ErrorCode::Data, NodeId::parse)
    }

    fn resumed_pub(&self) -> Result<ResumedPub, Refusal> {
        Ok(ResumedPub { mid: self.mid()?, sfu: self.sfu()?, info: self.minfo()? })
    }

    fn resumed_sub(&self) -> Result<ResumedSub, Refusal> {
        Ok(ResumedSub { mid: self.mid()?, sid: self.sid()?, sfu: self.sfu()? })
    }

    /// What a client that comes back still has.
    pub(super) fn resume(&self, max_subs: usize) -> Result<Option<Resume>, Refusal> {
        let Some(raw) = self.resume else { return Ok(None) };
        let expected = r#"is no object: expected {"pubs":[...],"subs":[...]}"#;
        let invalid = || Refusal::invalid(ErrorCode::Data, "resume", expected);
        let [pubs, subs] = pick(raw, ["pubs", "subs"]).ok_or_else(invalid)?;
        let (pubs, subs) = (list(pubs, "resume.pubs")?, list(subs, "resume.subs")?);
        let pubs = pubs.iter().map(Data::resumed_pub).collect::<Result<_, _>>()?;
        let subs = subs.iter().map(Data::resumed_sub).collect::<Result<_, _>>()?;
        Resume { pubs, subs }.bounded(max_subs).map(Some)
    }

    /// The SDP of `jsep`.
    pub(super) fn offer(&self) -> Result<Cow<'a, str>, Refusal> {
        let expected = r#"{"type":"offer","sdp":TEXT}"#;
        let jsep = self.jsep.ok_or_else(|| Refusal::missing(ErrorCode::Jsep, "jsep", expected))?;
        let [kind, sdp] = pick(jsep, ["type", "sdp"]).ok_or_else(|| {
            Refusal::invalid(ErrorCode::Jsep, "jsep", format_args!("is no object: expected {expected}"))
        })?;
        if kind.and_then(text_of).as_deref() != Some("offer") {
            return Err(Refusal::invalid(ErrorCode::Jsep, "jsep.type", "is missing or not \"offer\""));
        }
        let sdp = sdp.and_then(text_of).filter(|sdp| !sdp.is_empty());
        sdp.ok_or_else(|| Refusal::missing(ErrorCode::Sdp, "jsep.sdp", "the offer's SDP as text"))
    }

    pub(super) fn minfo(&self) -> Result<MediaInfo, Refusal> {
        let expected = "an object with audio, video, audiotype, videotype";
        let raw = self.minfo.ok_or_else(|| Refusal::missing(ErrorCode::Minfo, "minfo", expected))?;
        MediaInfo::parse(raw).map_err(|why| Refusal::invalid(ErrorCode::Minfo, "minfo", why))
    }

    /// Whether a stream is to be recorded, where the client says.
    pub(super) fn record(&self) -> Result<Option<bool>, Refusal> {
        match self.record.map(str::trim) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::invalid(ErrorCode::Data, "record", "is neither true nor false")),
        }
    }

    /// What `broadcast` says.
    pub(super) fn said(&self) -> Result<JsonText, Refusal> {
        let raw =
            self.data.ok_or_else(|| Refusal::missing(ErrorCode::Data, "data.data", "any JSON value"))?;
        JsonText::parse(raw).map_err(|why| Refusal::invalid(ErrorCode::Data, "data.data", why))
    }
}

/// A list of objects; one that is not given is empty.
fn list<'a>(raw: Option<&'a str>, name: &str) -> Result<Vec<Data<'a>>, Refusal> {
    let invalid = || Refusal::invalid(ErrorCode::Data, name, "is no list of objects");
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let values: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| invalid())?;
    values.into_iter().map(|value| Data::object(value.get()).ok_or_else(invalid)).collect()
}

fn id<T, E: Display>(
    raw: Option<&str>,
    name: &str,
    code: ErrorCode,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Refusal> {
    let raw = raw.ok_or_else(|| Refusal::missing(code, name, "a text"))?;
    let text = text_of(raw).ok_or_else(|| Refusal::invalid(code, name, "is no text"))?;
    parse(&text).map_err(|why| Refusal::invalid(code, name, why))
}

#[cfg(test)]
mod tests {
    use super::Data;
    use crate::refusal::Refusal;

    fn code<T>(result: Result<T, Refusal>) -> u8 {
        result.err().expect("an error").code.number()
    }

    fn data(raw: &str) -> Data<'_> {
        Data::read(Some(raw)).unwrap()
    }

    #[test]
    fn data_is_an_object() {
        assert_eq!(code(Data::read(None)), 19);
        for raw in ["null", "[]", "\"rid\"", "1", "true"] {
            assert_eq!(code(Data::read(Some(raw))), 19, "{raw}");
        }
    }

    #[test]
    fn record_is_true_or_false_or_not_there() {
        assert_eq!(data("{}").record().ok(), Some(None));
        assert_eq!(data(r#"{"record":true}"#).record().ok(), Some(Some(true)));
        assert_eq!(data(r#"{"record": false }"#).record().ok(), Some(Some(false)));
        for raw in ["null", "1", "\"true\"", "{}", "[true]"] {
            assert_eq!(code(data(&format!("{{\"record\":{raw}}}")).record()), 19, "{raw}");
        }
    }

    #[test]
    fn an_id_is_a_text_of_the_right_kind() {
        assert_eq!(data(r#"{"rid":"r\u00f6m"}"#).rid().unwrap().as_str(), "röm");
        for raw in [
            "{}",
            r#"{"rid":1}"#,
            r#"{"rid":""}"#,
            r#"{"rid":"a\n"}"#,
            r#"{"rid":null}"#,
            r#"{"rid":"\ud800"}"#,
        ] {
            assert_eq!(code(data(raw).rid()), 2, "{raw}");
        }
        assert_eq!(code(data(r#"{"mid":[]}"#).mid()), 3);
        assert_eq!(code(data(r#"{"sid":{}}"#).sid()), 4);
    }

    #[test]
    fn an_offer_has_its_type_and_its_sdp() {
        assert_eq!(data(r#"{"jsep":{"sdp":"v=0\r\n","type":"offer","x":1}}"#).offer().unwrap(), "v=0\r\n");
        for raw in ["{}", r#"{"jsep":1}"#, r#"{"jsep":{}}"#, r#"{"jsep":{"type":"answer","sdp":"v=0"}}"#] {
            assert_eq!(code(data(raw).offer()), 5, "{raw}");
        }
        for raw in [
            r#"{"jsep":{"type":"offer"}}"#,
            r#"{"jsep":{"type":"offer","sdp":""}}"#,
            r#"{"jsep":{"type":"offer","sdp":7}}"#,
        ] {
            assert_eq!(code(data(raw).offer()), 6, "{raw}");
        }
    }

    #[test]
    fn media_info_and_what_is_said_are_kept_as_they_came() {
        let raw =
            r#"{"minfo":{ "audio":true,"video":true,"audiotype":0,"videotype":2,"x":[1.0] },"data":1e2}"#;
        let data = data(raw);
        assert_eq!(
            data.minfo().unwrap().as_str(),
            r#"{ "audio":true,"video":true,"audiotype":0,"videotype":2,"x":[1.0] }"#
        );
        assert_eq!(data.said().unwrap().as_str(), "1e2");
    }

    #[test]
    fn what_a_client_still_has_is_read_member_by_member() {
        let resume = |raw: &str| {
            data(raw).resume(2000).map(|resume| resume.map(|one| (one.pubs.len(), one.subs.len())))
        };
        assert_eq!(resume("{}").unwrap(), None);
        assert_eq!(resume(r#"{"resume":{}}"#).unwrap(), Some((0, 0)));
        let minfo = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#;
        let one = format!(
            r#"{{"resume":{{"pubs":[{{"mid":"m","sfuid":"s","minfo":{minfo}}}],"subs":[{{"mid":"m","sid":"x","sfuid":"s"}}]}}}}"#
        );
        assert_eq!(resume(&one).unwrap(), Some((1, 1)));
        for (raw, expected) in [
            (r#"{"resume":1}"#, 19),
            (r#"{"resume":{"pubs":{}}}"#, 19),
            (r#"{"resume":{"pubs":[1]}}"#, 19),
            (r#"{"resume":{"pubs":[{"mid":"m","sfuid":"s"}]}}"#, 7),
            (r#"{"resume":{"subs":[{"mid":"m","sfuid":"s"}]}}"#, 4),
            (r#"{"resume":{"subs":[{"mid":"m","sid":"x","sfuid":"a b"}]}}"#, 19),
        ] {
            assert_eq!(code(data(raw).resume(2000)), expected, "{raw}");
        }
        let many = format!(
            r#"{{"resume":{{"pubs":[{}]}}}}"#,
            vec![format!(r#"{{"mid":"m","sfuid":"s","minfo":{minfo}}}"#); 17].join(",")
        );
        assert_eq!(code(data(&many).resume(2000)), 17);
    }

    #[test]
    fn without_them_there_is_an_error_of_their_own() {
        for raw in
            ["{}", r#"{"minfo":{}}"#, r#"{"minfo":{"audio":1,"video":true,"audiotype":0,"videotype":0}}"#]
        {
            assert_eq!(code(data(raw).minfo()), 7, "{raw}");
        }
        assert_eq!(code(data("{}").said()), 19);
        assert_eq!(data(r#"{"data":null}"#).said().unwrap().as_str(), "null");
    }
}
