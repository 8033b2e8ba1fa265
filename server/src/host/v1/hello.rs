//! Finds out who a client is, and begins its session or goes on with one.

use std::sync::Arc;

use adsum::{Error, SessionKey};
use adsum_tim::{Code as TimCode, Secret, Tid, TimAuth};
use tokio::sync::oneshot;

use super::bye::random_below;
use super::code::{Code, Fault};
use super::fields::Fields;
use super::grant::{Grant, Lists};
use crate::host::client::Client;
use crate::host::command::{
    Answer, Command, Connect, Hello, LoggedIn, Node, Resume, Resumed, SYSTEM_NODE,
};
use crate::host::engine::edge_counter::unix_ms;
use crate::host::hashing::Refusal;
use crate::host::registrations;
use crate::host::requests::login::{
    NotMade, identify, make_account, relations_of, seat_before, take_seat,
};
use crate::host::resume_secret::ResumeSecret;
use crate::host::seats::SessionSeat;
use crate::host::shared::Shared;
use crate::host::transport::wire::Wire;
use crate::store::{Login, Relations, StoreError};

/// The longest name of a device, in bytes.
const LONGEST_DEVICE: usize = 64;

/// A user who has said hello.
pub(super) struct User {
    pub(super) node: Node,
    pub(super) session: SessionKey,
    pub(super) tid: Arc<Tid>,
    pub(super) grant: Arc<Grant>,
}

/// What a client says first.
pub(super) struct Said {
    n: Option<u64>,
    /// Who it says that it is; `None` if it only shows which session it means.
    auth: Option<TimAuth>,
    resume: Option<String>,
    invisible: bool,
    pub(super) strict: bool,
    device: Option<String>,
    kind: Option<u8>,
    /// Whether an account is to be made first.
    register: bool,
}

/// Returns what a client shows for who it is, if it shows anything.
pub(super) fn credentials(fields: &mut Fields<'_>) -> Result<Option<TimAuth>, Fault> {
    let auth = TimAuth {
        name: fields.text("name")?,
        pwd: fields.text("password")?.map(Secret),
        domain: fields.text("domain")?,
        token: fields.text("token")?.map(Secret),
        ..TimAuth::default()
    };
    let shows_any = auth.pwd.is_some() || auth.token.is_some();
    Ok(shows_any.then_some(auth))
}

impl Said {
    pub(super) fn read(n: Option<u64>, mut fields: Fields<'_>) -> Result<Self, Fault> {
        let device = fields.text("device")?;
        if device.as_ref().is_some_and(|device| device.len() > LONGEST_DEVICE) {
            return Err(Fault::of(Code::TooBig, "device"));
        }
        let said = Self {
            n,
            auth: credentials(&mut fields)?,
            resume: fields.text("resume")?,
            invisible: fields.flag("invisible")?,
            strict: fields.flag("strict")?,
            device,
            register: fields.flag("register")?,
            kind: fields.at_most("kind", u8::MAX.into())?.map(|kind| kind as u8),
        };
        if said.auth.is_none() && said.resume.is_none() {
            return Err(Fault::of(Code::Missing, "token"));
        }
        let has_password = said.auth.as_ref().is_some_and(|auth| auth.pwd.is_some());
        if said.register && !has_password {
            return Err(Fault::of(Code::Missing, "password"));
        }
        fields.finish(said.strict)?;
        Ok(said)
    }
}

/// Begins a session, or goes on with one. The answer is queued when this returns; that of a refusal
/// is left to the caller.
pub(super) async fn hello(client: &Client, mut said: Said) -> Result<User, Fault> {
    let shared = &client.shared;
    let shown = said.resume.take();
    let resumed = match shown.and_then(|text| ResumeSecret::shown(&text)) {
        Some(shown) => whose(shared, shown).await.map(|whose| (shown, whose)),
        None => None,
    };
    // A session that goes on has its seat; for another one there must be one before anything else
    // is done for it: an account made, or a token used up.
    let seat = match &said.auth {
        Some(auth) if resumed.is_none() => {
            seat_before(shared, client.peer, auth).map_err(fault_of)?
        }
        _ => None,
    };
    if said.register
        && let Some(auth) = said.auth.clone()
    {
        register(client, auth).await?;
    }
    let login = match said.auth.clone() {
        Some(auth) => Some(who(client, auth).await?),
        None => None,
    };
    if let Some(of) = resumed
        && let Some(user) = resume(client, &said, login.as_ref(), of).await?
    {
        return Ok(user);
    }
    match login {
        Some(login) => begin(client, said, login, seat).await,
        None => Err(Code::Unauthorized.into()),
    }
}

/// Returns whose credentials these are.
pub(super) async fn who(client: &Client, auth: TimAuth) -> Result<Login, Fault> {
    let login = identify(&client.shared, client.peer, auth).await.map_err(fault_of)?;
    if login.node == SYSTEM_NODE { Err(Code::Unauthorized.into()) } else { Ok(login) }
}

/// Makes an account for whoever says hello.
async fn register(client: &Client, auth: TimAuth) -> Result<(), Fault> {
    let made = make_account(&client.shared, client.peer, auth).await;
    made.map(drop).map_err(|why| match why {
        NotMade::NotOffered | NotMade::Store(StoreError::Elsewhere) => Code::Forbidden.into(),
        NotMade::Store(StoreError::Exists) => Fault::of(Code::Taken, "name"),
        NotMade::Store(StoreError::Invalid(what)) => Fault::of(Code::Invalid, what),
        NotMade::Refused(Refusal::Busy) => Code::Overload.into(),
        NotMade::TooMany | NotMade::Refused(Refusal::TooOften) => {
            Fault::later(Code::Rate, registrations::INTERVAL.as_millis() as u64)
        }
        NotMade::Store(_) => Code::Unavailable.into(),
    })
}

fn fault_of(code: TimCode) -> Fault {
    match code {
        TimCode::Overload => Code::Overload.into(),
        TimCode::Frequency => Code::Rate.into(),
        _ => Code::Unauthorized.into(),
    }
}

/// Returns what credentials allow, and until when: somewhat less long than they say, at random, so
/// that those of the same moment do not end at the same moment.
pub(super) fn grant(shared: &Shared, login: &Login) -> Arc<Grant> {
    let topics = login.topics.clone().unwrap_or_else(|| shared.config.presence.topics.clone());
    let now_ms = unix_ms();
    let until_ms = login.expires_at.map(|seconds| {
        let expires_ms = seconds.saturating_mul(1_000);
        match expires_ms.checked_sub(now_ms) {
            Some(left_ms) if left_ms > 0 => expires_ms - random_below(left_ms / 10 + 1),
            // It is good still because clocks differ.
            _ => expires_ms.saturating_add(shared.config.accounts.jwt_leeway_s * 1_000),
        }
    });
    Arc::new(Grant { topics, until_ms })
}

pub(super) fn lists(relations: &Relations) -> Lists {
    Lists { contacts: relations.friends.clone(), blocked: relations.blocked.clone() }
}

/// Returns whose session a secret names, if it is still there.
async fn whose(shared: &Shared, shown: ResumeSecret) -> Option<Node> {
    let (reply, answer) = oneshot::channel();
    shared.command(Command::WhoResumes(shown, reply)).await;
    answer.await.ok().flatten()
}

/// Goes on with a session, if it is still there and the user's.
async fn resume(
    client: &Client,
    said: &Said,
    login: Option<&Login>,
    (shown, node): (ResumeSecret, Node),
) -> Result<Option<User>, Fault> {
    let shared = &client.shared;
    if login.is_some_and(|login| *login.node != *node) {
        return Ok(None);
    }
    let lock = shared.directory.lock(&node).await;
    let lists = match login {
        // The engine has the lists still: if they cannot be read, it goes on with those.
        Some(_) => shared.directory.relations(&node).await.ok().map(|known| lists(&known)),
        None => None,
    };
    let secret = ResumeSecret::random().map_err(|_| Fault::from(Code::Overload))?;
    let grant = login.map(|login| grant(shared, login));
    let answer = Answer::V1(Hello { n: said.n, grant, lists });
    let (reply, resumed) = oneshot::channel();
    let (socket, wire, requests) = (client.socket.clone(), Wire::V1, Vec::new());
    let resume = Resume { shown, socket, wire, secret, answer, requests, reply };
    shared.command(Command::Resume(Box::new(resume))).await;
    drop(lock);
    let resumed = resumed.await.ok().flatten();
    Ok(resumed.and_then(|Resumed { session, tid, grant }| {
        Some(User { node, session, tid, grant: grant? })
    }))
}

/// Begins a session.
async fn begin(
    client: &Client,
    said: Said,
    login: Login,
    seat: Option<SessionSeat>,
) -> Result<User, Fault> {
    let shared = &client.shared;
    let grant = grant(shared, &login);
    let seat = seat.map_or_else(|| take_seat(shared, client.peer), Ok).map_err(fault_of)?;
    let node = Node::from(login.node.as_str());
    let kind = login.kind.or(said.kind);
    let tid = Arc::new(Tid {
        node: login.node,
        resource: said.device,
        termtyp: kind.map(|kind| kind as i8),
        ..Tid::default()
    });
    // No edit of this user's roster comes between what is read here and what the engine is told.
    let lock = shared.directory.lock(&node).await;
    let stated = login.relations.map(Arc::new);
    let relations = relations_of(shared, client.peer, &node, stated, said.auth).await;
    let relations = relations.map_err(|_| Fault::from(Code::Unavailable))?;
    let secret = ResumeSecret::random().map_err(|_| Fault::from(Code::Overload))?;
    let Lists { contacts, blocked } = lists(&relations);
    let (reply, connected) = oneshot::channel();
    let connect = Connect {
        node: node.clone(),
        audience: contacts,
        blocked,
        login: LoggedIn {
            socket: client.socket.clone(),
            wire: Wire::V1,
            tid: tid.clone(),
            secret,
            seat,
        },
        invisible: said.invisible,
        answer: Answer::V1(Hello { n: said.n, grant: Some(grant.clone()), lists: None }),
        kind: kind.unwrap_or_default(),
        requests: Vec::new(),
        reply,
    };
    shared.command(Command::Connect(Box::new(connect))).await;
    drop(lock);
    match connected.await {
        Ok(Ok(session)) => Ok(User { node, session, tid, grant }),
        Ok(Err(Error::SessionLimit { .. })) => Err(Code::SessionLimit.into()),
        Ok(Err(_)) | Err(_) => Err(Code::Overload.into()),
    }
}
