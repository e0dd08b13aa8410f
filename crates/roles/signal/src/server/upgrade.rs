//! `GET /ws?peer=UID`: checked, and made a WebSocket.

use super::{origin::Origins, peer::peer, places::Place, token::token};
use crate::{access::Rights, context::Context, metrics::Refused, session};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
    routing::any,
};
use hyper_util::rt::TokioIo;
use model::UserId;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

#[derive(Clone)]
struct Door {
    context: Arc<Context>,
    origins: Arc<Origins>,
}

/// `/ws`, and the pages for everything else.
pub(super) fn router(context: &Arc<Context>, allowed_origins: &[String], pages: Router) -> Router {
    let door = Door { context: Arc::clone(context), origins: Arc::new(Origins::new(allowed_origins)) };
    let ws = Router::new().route("/ws", any(open)).with_state(door);
    ws.nest("/admin", crate::admin::router(context)).fallback_service(pages)
}

type Answer = (StatusCode, String);

async fn open(State(door): State<Door>, request: Request) -> Response {
    let upgraded = door.upgrade(request);
    if let Err((why, _)) = &upgraded {
        door.context.metrics.refused(*why);
    }
    match upgraded {
        Ok(response) => response,
        Err((_, (StatusCode::UPGRADE_REQUIRED, why))) => {
            let headers = [(UPGRADE, "websocket"), (CONNECTION, "upgrade"), (SEC_WEBSOCKET_VERSION, "13")];
            (StatusCode::UPGRADE_REQUIRED, headers, why).into_response()
        }
        Err((_, (StatusCode::UNAUTHORIZED, why))) => {
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], why).into_response()
        }
        Err((_, answer)) => answer.into_response(),
    }
}

impl Door {
    fn upgrade(&self, mut request: Request) -> Result<Response, (Refused, Answer)> {
        if self.context.takes_leave() {
            let why = "the node is draining: connect again".to_owned();
            return Err((Refused::Draining, (StatusCode::SERVICE_UNAVAILABLE, why)));
        }
        if !self.origins.allow(request.headers()) {
            let why = "pages of this origin may not connect (see allowed_origins)".to_owned();
            return Err((Refused::Origin, (StatusCode::FORBIDDEN, why)));
        }
        let uid = peer(request.uri().query());
        let uid = uid.map_err(|why| (Refused::Uid, (StatusCode::BAD_REQUEST, why)))?;
        let rights = self.rights(&request, &uid)?;
        let response = create_response_with_body(&request, Body::empty);
        let mut response = response.map_err(|error| {
            let why = format!("expected a WebSocket: {error}");
            (Refused::Upgrade, (StatusCode::UPGRADE_REQUIRED, why))
        })?;
        if offers_protoo(request.headers()) {
            let name = HeaderValue::from_static(protoo::SUB_PROTOCOL);
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
        self.start_session(&mut request, uid, rights);
        Ok(response)
    }

    /// What a client may do that says it is this user.
    fn rights(&self, request: &Request, uid: &UserId) -> Result<Rights, (Refused, Answer)> {
        let refused = |status, why: String| (Refused::Token, (status, why));
        let access = &self.context.access;
        let token = token(request.headers(), request.uri().query(), access.takes_query())
            .map_err(|why| refused(StatusCode::BAD_REQUEST, why.to_owned()))?;
        let rights = access.admit(token.as_deref());
        let rights = rights.map_err(|why| refused(StatusCode::UNAUTHORIZED, why.to_string()))?;
        if rights.is_for(uid) {
            return Ok(rights);
        }
        Err(refused(StatusCode::FORBIDDEN, "the token is for another user than peer".to_owned()))
    }

    /// The session starts when the response is out.
    fn start_session(&self, request: &mut Request, uid: UserId, rights: Rights) {
        let place = request.extensions_mut().remove::<Place>();
        let upgraded = hyper::upgrade::on(request);
        let context = Arc::clone(&self.context);
        self.context.tasks.spawn(async move {
            let _place = place;
            match timeout(context.timing.handshake, upgraded).await {
                Ok(Ok(upgraded)) => return session::run(context, uid, rights, TokioIo::new(upgraded)).await,
                Ok(Err(error)) => tracing::debug!(%error, "upgrade failed"),
                Err(_) => tracing::debug!("upgrade took too long"),
            }
            context.metrics.refused(Refused::Upgrade);
        });
    }
}

fn offers_protoo(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offer| offer.to_str().ok());
    offers.flat_map(|offer| offer.split(',')).any(|name| name.trim() == protoo::SUB_PROTOCOL)
}
