//! Logins, and what comes before them: accounts and login tokens.

use std::sync::{Arc, Once};
use std::time::Instant;

use adsum::{Error, SessionKey};
use adsum_tim::{Code, Form, Kind, Tid, TimAck, TimAuth};
use tokio::sync::oneshot;

use crate::host::attempts::Purpose;
use crate::host::command::{Answer, Command, Connect, LoggedIn, Node, Resume, SYSTEM_NODE};
use crate::host::directory::Directory;
use crate::host::hashing::Refusal;
use crate::host::peer::Peer;
use crate::host::resume_secret::ResumeSecret;
use crate::host::roster_messages;
use crate::host::seats::{NoSeat, SessionSeat};
use crate::host::shared::Shared;
use crate::host::transport::socket::Socket;
use crate::host::transport::wire::Wire;
use crate::store::{Credentials, Login, NewAccount, Relations, Store, StoreError};
use crate::tokens::{Account, TokenError};

/// This server's own keys in `extend` of a login. They are not part of what others are told.
const RESUME: &str = "resume";
const INVISIBLE: &str = "invisible";

/// A user who is logged in, on one session.
pub(crate) struct User {
    pub(crate) node: Node,
    pub(crate) session: SessionKey,
    pub(crate) form: Form,
    pub(crate) tid: Arc<Tid>,
}

/// Why no account was made.
pub(crate) enum NotMade {
    /// This server makes none.
    NotOffered,
    /// Too many were asked for from there.
    TooMany,
    Refused(Refusal),
    Store(StoreError),
}

impl NotMade {
    /// Returns the reason that metrics have for it.
    const fn reason(&self) -> &'static str {
        match self {
            Self::NotOffered | Self::Store(StoreError::Elsewhere) => "not_offered",
            Self::TooMany => "register_burst",
            Self::Refused(Refusal::TooOften) => "too_often",
            Self::Refused(Refusal::Busy) => "busy",
            Self::Store(StoreError::Exists) => "taken",
            Self::Store(StoreError::Invalid(_)) => "invalid",
            Self::Store(_) => "store",
        }
    }
}

/// Returns the answer to a request for an account.
pub(crate) async fn register(shared: &Shared, peer: Peer, auth: TimAuth) -> TimAck {
    let code = match make_account(shared, peer, auth).await {
        Ok(node) => return TimAck { n: Some(node), ..TimAck::done(Kind::REGISTER) },
        Err(NotMade::NotOffered) => Code::Interface,
        Err(NotMade::TooMany) => Code::Frequency,
        Err(NotMade::Refused(refusal)) => code_of(refusal),
        Err(NotMade::Store(error)) => error.code(),
    };
    TimAck::refused(Kind::REGISTER, code)
}

/// Makes an account, and returns its id. Counts why none is made.
pub(crate) async fn make_account(
    shared: &Shared,
    peer: Peer,
    auth: TimAuth,
) -> Result<String, NotMade> {
    let made = try_to_make(shared, peer, auth).await;
    if let Err(why) = &made {
        shared.metrics.registration_refused(why.reason());
    }
    made
}

async fn try_to_make(shared: &Shared, peer: Peer, auth: TimAuth) -> Result<String, NotMade> {
    if shared.config.services.no_register {
        return Err(NotMade::NotOffered);
    }
    if !shared.registrations.may_have_one_more(peer, Instant::now()) {
        return Err(NotMade::TooMany);
    }
    let given = Credentials::from(&auth);
    let directory = &shared.directory;
    let applicant = directory.applicant(peer, given.name, given.domain, Purpose::Other);
    let prepared = directory.hash(applicant, move |store| {
        let given = Credentials::from(&auth);
        store.prepare(given.name, given.password, given.domain)
    });
    let account = prepared.await.map_err(NotMade::Refused)?.map_err(NotMade::Store)?;
    add_account(directory, account).await.map_err(NotMade::Store)
}

async fn add_account(directory: &Directory, account: NewAccount) -> Result<String, StoreError> {
    let writing = directory.writing().await?;
    let call = move |store: &dyn Store| store.add(&account).map(|()| account.node);
    directory.write(&writing, call).await
}

const fn code_of(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Busy => Code::Overload,
        Refusal::TooOften => Code::Frequency,
    }
}

/// Returns the answer to a request for a login token.
pub(crate) async fn token(shared: &Shared, peer: Peer, auth: TimAuth) -> TimAck {
    if shared.config.services.no_token || shared.directory.takes_tokens() {
        return TimAck::refused(Kind::TOKEN, Code::Interface);
    }
    let domain = auth.domain.clone().unwrap_or_default();
    let login = match check_password(shared, peer, Purpose::Other, auth).await {
        Ok(login) => login,
        Err(Code::Permission) => return TimAck::refused(Kind::TOKEN, Code::NoPass),
        Err(code) => return TimAck::refused(Kind::TOKEN, code),
    };
    told_token(issue(shared, &Account { node: login.node, name: login.name, domain }))
}

/// Returns the answer to a request for a login token on a session, whose user is known: no password
/// is needed, and none is hashed.
pub(crate) async fn own_token(shared: &Shared, user: &User) -> TimAck {
    told_token(token_of(shared, &user.node).await)
}

/// Returns a login token of a user who is known.
pub(crate) async fn token_of(shared: &Shared, user: &Node) -> Result<String, Code> {
    if shared.config.services.no_token || shared.directory.takes_tokens() {
        return Err(Code::Interface);
    }
    let node = user.clone();
    let owner = shared.directory.quick(move |store| store.owner(&node)).await;
    let (name, domain) = owner.map_err(|error| error.code())?.ok_or(Code::Account)?;
    issue(shared, &Account { node: user.to_string(), name, domain })
}

fn issue(shared: &Shared, account: &Account) -> Result<String, Code> {
    shared.directory.issue_token(account).map_err(|error| {
        tracing::warn!(%error, "no token was issued");
        Code::Overload
    })
}

fn told_token(token: Result<String, Code>) -> TimAck {
    match token {
        Ok(token) => TimAck { n: Some(token), ..TimAck::done(Kind::TOKEN) },
        Err(code) => TimAck::refused(Kind::TOKEN, code),
    }
}

/// What a login asks for besides.
struct Wishes {
    /// To go on with the session that this names, if it is still there.
    resume: Option<ResumeSecret>,
    /// To be invisible from the first moment.
    invisible: bool,
}

impl Wishes {
    /// Takes them out of a login.
    fn take(auth: &mut TimAuth) -> Self {
        let Some(extend) = &mut auth.extend else { return Self { resume: None, invisible: false } };
        let resume = extend.remove(RESUME).and_then(|text| ResumeSecret::shown(&text));
        let invisible = extend.remove(INVISIBLE).is_some_and(|value| value == "true");
        if extend.is_empty() {
            auth.extend = None;
        }
        Self { resume, invisible }
    }
}

/// Logs a client in, or lets it go on with its session. The session's ack is queued when this
/// returns; the ack of a refusal is left to the caller.
pub(crate) async fn login(
    shared: &Shared,
    peer: Peer,
    socket: &Arc<Socket>,
    form: Form,
    mut auth: TimAuth,
) -> Result<User, Code> {
    let Wishes { resume: shown, invisible } = Wishes::take(&mut auth);
    if let Some(shown) = shown {
        if let Some(user) = resume(shared, socket, form, shown).await? {
            return Ok(user);
        }
        let given = Credentials::from(&auth);
        if given.password.is_empty() && given.token.is_empty() {
            return Err(Code::Token);
        }
    }
    begin(shared, peer, socket, form, auth, invisible).await
}

/// Lets a client go on with its session on this connection, if the session is still there. No
/// password is looked at.
async fn resume(
    shared: &Shared,
    socket: &Arc<Socket>,
    form: Form,
    shown: ResumeSecret,
) -> Result<Option<User>, Code> {
    let (reply, answer) = oneshot::channel();
    shared.command(Command::WhoResumes(shown, reply)).await;
    let Ok(Some(node)) = answer.await else { return Ok(None) };
    let lock = shared.directory.lock(&node).await;
    // The engine has the lists still. If the store fails, requests wait for another login.
    let relations = shared.directory.relations(&node).await.ok();
    let requests = relations.iter().flat_map(|relations| &relations.requests);
    let requests = requests.map(|request| roster_messages::request(&node, request)).collect();
    let secret = ResumeSecret::random().map_err(|_| Code::Overload)?;
    let answer = Answer::Tim(ack(shared, &node, secret));
    let (reply, resumed) = oneshot::channel();
    let (socket, wire) = (socket.clone(), Wire::Tim(form));
    let resume = Resume { shown, socket, wire, secret, answer, requests, reply };
    shared.command(Command::Resume(Box::new(resume))).await;
    drop(lock);
    let resumed = resumed.await.ok().flatten();
    Ok(resumed.map(|resumed| User { node, session: resumed.session, form, tid: resumed.tid }))
}

/// Returns the answer to a login. tim's clients do nothing with the last name in it; to this
/// server it names the session.
fn ack(shared: &Shared, node: &Node, secret: ResumeSecret) -> TimAck {
    TimAck {
        t: Some(shared.server_number),
        n: Some(node.to_string()),
        n2: Some(secret.text()),
        ..TimAck::done(Kind::AUTH)
    }
}

/// Takes a seat for a session, which is free again when that has ended.
pub(crate) fn take_seat(shared: &Shared, peer: Peer) -> Result<SessionSeat, Code> {
    shared.seats.take(peer).map_err(|NoSeat| Code::Overload)
}

/// Looks for a seat before somebody is asked who it is. One who shows a token that works once has
/// it at once: without a seat the token stays as it was. A password takes long to look at, and
/// nobody is to have a seat meanwhile.
pub(crate) fn seat_before(
    shared: &Shared,
    peer: Peer,
    auth: &TimAuth,
) -> Result<Option<SessionSeat>, Code> {
    let works_once = !Credentials::from(auth).token.is_empty() && !shared.directory.takes_tokens();
    if works_once {
        return take_seat(shared, peer).map(Some);
    }
    shared.seats.look(peer).map(|()| None).map_err(|NoSeat| Code::Overload)
}

/// Begins a session for whoever this login shows itself to be.
async fn begin(
    shared: &Shared,
    peer: Peer,
    socket: &Arc<Socket>,
    form: Form,
    auth: TimAuth,
    invisible: bool,
) -> Result<User, Code> {
    let tid = Tid {
        node: String::new(),
        domain: auth.domain.clone(),
        resource: auth.resource.clone(),
        termtyp: auth.termtyp,
        extend: auth.extend.clone(),
    };
    let again = auth.clone();
    let seat = seat_before(shared, peer, &auth)?;
    let Login { node, relations, .. } = identify(shared, peer, auth).await?;
    if node == SYSTEM_NODE {
        return Err(Code::Permission);
    }
    let seat = seat.map_or_else(|| take_seat(shared, peer), Ok)?;
    let tid = Arc::new(Tid { node: node.clone(), ..tid });
    let node = Node::from(node);
    // No edit of this user's roster comes between what is read here and what the engine is told.
    let lock = shared.directory.lock(&node).await;
    let stated = relations.map(Arc::new);
    let relations = relations_of(shared, peer, &node, stated, Some(again)).await?;
    let secret = ResumeSecret::random().map_err(|_| Code::Overload)?;
    let request = |request| roster_messages::request(&node, request);
    let requests = relations.requests.iter().map(request).collect();
    let (reply, answer) = oneshot::channel();
    let connect = Connect {
        node: node.clone(),
        audience: relations.friends.clone(),
        blocked: relations.blocked.clone(),
        login: LoggedIn {
            socket: socket.clone(),
            wire: Wire::Tim(form),
            tid: tid.clone(),
            secret,
            seat,
        },
        kind: tid.termtyp.unwrap_or_default() as u8,
        invisible,
        answer: Answer::Tim(ack(shared, &node, secret)),
        requests,
        reply,
    };
    shared.command(Command::Connect(Box::new(connect))).await;
    drop(lock);
    match answer.await {
        Ok(Ok(session)) => Ok(User { node, session, form, tid }),
        Ok(Err(Error::SessionLimit { .. })) => Err(Code::OverEntry),
        Ok(Err(_)) | Err(_) => Err(Code::Overload),
    }
}

/// Returns a user's relations; those that the login stated, if the store fails. Needs the user's
/// lock. `again` is what the login has shown.
pub(crate) async fn relations_of(
    shared: &Shared,
    peer: Peer,
    node: &Node,
    stated: Option<Arc<Relations>>,
    again: Option<TimAuth>,
) -> Result<Arc<Relations>, Code> {
    match shared.directory.relations(node).await {
        Ok(relations) => Ok(relations),
        // The user's last session has just ended, and the store forgot the user after it had
        // looked at this token. It does so only under this lock, so it is shown once more.
        Err(StoreError::NoAccount) => match again.filter(|_| shared.directory.takes_tokens()) {
            Some(auth) => {
                let login = Box::pin(check_password(shared, peer, Purpose::Login, auth)).await?;
                Ok(Arc::new(login.relations.ok_or(Code::Account)?))
            }
            None => Err(Code::Account),
        },
        Err(error) => stated.ok_or_else(|| error.code()),
    }
}

/// Returns whose password or token this is, and what else that says.
pub(crate) async fn identify(shared: &Shared, peer: Peer, auth: TimAuth) -> Result<Login, Code> {
    let given = Credentials::from(&auth);
    if !given.token.is_empty() && !shared.directory.takes_tokens() {
        let account = shared.directory.redeem_token(given.name, given.domain, given.token);
        return match account {
            Ok(Account { node, name, .. }) => Ok(Login { node, name, ..Login::default() }),
            Err(TokenError::NotGood) => Err(Code::Token),
            Err(error) => {
                static SAID: Once = Once::new();
                let mut is_first = false;
                SAID.call_once(|| is_first = true);
                if is_first {
                    tracing::warn!(%error, "a token was not looked at (this is said once)");
                } else {
                    tracing::debug!(%error, "a token was not looked at");
                }
                Err(Code::Overload)
            }
        };
    }
    check_password(shared, peer, Purpose::Login, auth).await
}

async fn check_password(
    shared: &Shared,
    peer: Peer,
    purpose: Purpose,
    auth: TimAuth,
) -> Result<Login, Code> {
    let directory = &shared.directory;
    let given = Credentials::from(&auth);
    let applicant = directory.applicant(peer, given.name, given.domain, purpose);
    directory.login(applicant, auth).await.map_err(code_of)?.map_err(|error| {
        if let StoreError::Token(why) = &error {
            tracing::debug!(why, "a token was refused");
        }
        error.code()
    })
}
