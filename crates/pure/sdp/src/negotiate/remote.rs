//! Finds what the offer says about the session's one transport.

use crate::error::SdpError;
use crate::name::Mid;
use crate::offer::{MediaSection, Offer};
use crate::session::Section;
use crate::transport::{IceCredentials, Remote, Setup};

/// The transport of the accepted m-lines. RFC 8843, section 7.2: the facts stand in the first m-line of the group;
/// if that one is rejected, in the first accepted one; an m-line that is `bundle-only` has none of its own.
pub(super) fn of(offer: &Offer, sections: &[Section], bundle: Option<&[Mid]>) -> Result<Remote, SdpError> {
    let accepted = || sections.iter().filter_map(Section::line);
    let first = match bundle.and_then(|mids| mids.first()) {
        Some(mid) => accepted().find(|line| line.mid.as_ref() == Some(mid)),
        None => accepted().next(),
    };
    let section =
        first.and_then(|line| offer.media.get(line.index)).ok_or(SdpError::Missing("usable m-line"))?;
    let transport = match group_head(offer, section) {
        Some(head) => section.transport.or(&head.transport),
        None => section.transport.clone(),
    };
    if offer.ice_lite {
        return Err(SdpError::Unsupported(
            "the offer is ICE-lite, expected full ICE: the server is ICE-lite itself",
        ));
    }
    let setup = transport.setup.unwrap_or(Setup::Active);
    if setup == Setup::Passive {
        return Err(SdpError::Unsupported("a=setup:passive is offered, expected actpass or active"));
    }
    if transport.fingerprints.is_empty() {
        return Err(SdpError::Missing("a=fingerprint with sha-256, sha-384 or sha-512"));
    }
    Ok(Remote {
        ice: IceCredentials {
            ufrag: transport.ice_ufrag.ok_or(SdpError::Missing("a=ice-ufrag"))?,
            pwd: transport.ice_pwd.ok_or(SdpError::Missing("a=ice-pwd"))?,
        },
        fingerprints: transport.fingerprints,
        setup,
        candidates: transport.candidates,
        end_of_candidates: transport.end_of_candidates,
    })
}

/// The first m-line of the offered group.
fn group_head<'a>(offer: &'a Offer, section: &MediaSection) -> Option<&'a MediaSection> {
    let head = super::shared_transport::bundle_of(offer, section)?.first()?;
    offer.media.iter().find(|section| section.mid.as_ref() == Some(head))
}
