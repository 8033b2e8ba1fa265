//! Notes edges, and answers who is online as of which edge.

use super::core::Core;
use super::dispatch::LastEnd;
use super::edge_counter::{Posts, unix_ms};
use super::online_users::OnlineUser;
use crate::host::command::{Node, OnlineNow, UserOnline, WhoIsOnline};
use crate::host::end_cause::end_cause;
use crate::webhooks::State;

impl Core {
    /// Notes that a user's first session has connected. Who asked to come in unseen is unseen by
    /// now.
    pub(super) fn came_online(&mut self, user: Node, posts: Posts) {
        let online = OnlineUser { since_ms: unix_ms(), visible: !self.engine.is_invisible(&user) };
        self.dispatch.online.insert(user.clone(), online);
        self.edges.note(posts, user, State::Online, online);
    }

    /// Tells the webhook that a user is online of whom it was told otherwise.
    pub(super) fn post_online(&mut self, user: Node, number: u64) {
        if let Some(online) = self.dispatch.online.get(&user) {
            self.edges.note(Posts::As(number), user, State::Online, online);
        }
    }

    /// Notes whether a user can be seen, if that has changed.
    pub(super) fn visibility_changed(&mut self, user: Node, posts: bool) {
        let visible = !self.engine.is_invisible(&user);
        let Some(online) = self.dispatch.online.get_mut(&user) else { return };
        if online.visible != visible {
            online.visible = visible;
            let online = *online;
            if posts {
                let posts = self.engine.stamp(self.clock.now()).map_or(Posts::Counted, Posts::As);
                self.edges.note(posts, user, State::Online, online);
            }
        }
    }

    /// Notes that a user's last session has ended.
    pub(super) fn went_offline(&mut self, user: &Node, end: LastEnd) {
        let ago = self.clock.now().as_millis().saturating_sub(end.since.as_millis());
        let came = self.dispatch.online.remove(user).map_or(0, |online| online.since_ms);
        // The clock of the machine may have been set back meanwhile.
        let since_ms = unix_ms().saturating_sub(ago).max(came);
        let offline = OnlineUser { since_ms, visible: end.visible };
        self.edges.note(end.posts, user.clone(), State::Offline(end_cause(end.reason)), offline);
    }

    /// Returns who of these is online, as of the newest edge.
    pub(super) fn who_is_online(&self, who: WhoIsOnline) -> OnlineNow {
        let mut more = false;
        let users = match who {
            WhoIsOnline::These(users) => {
                let ask = |user: Node| {
                    let online = self.dispatch.online.get(&user);
                    let online = online.map(|online| self.user_online(&user, online));
                    (user, online)
                };
                users.into_iter().map(ask).collect()
            }
            WhoIsOnline::After(user, limit) => {
                let mut rest = self.dispatch.online.after(user);
                let answer = |(user, online): (&Node, OnlineUser)| {
                    (user.clone(), Some(self.user_online(user, online)))
                };
                let users = rest.by_ref().take(limit).map(answer).collect();
                more = rest.next().is_some();
                users
            }
        };
        let number = self.engine.known_stamp().unwrap_or_else(|| self.edges.number());
        OnlineNow { start_ms: self.edges.start_ms(), number, users, more }
    }

    fn user_online(&self, user: &Node, online: OnlineUser) -> UserOnline {
        // Not as it was last told: another server may have been.
        let visible = !self.engine.is_invisible(user);
        let sessions = self.engine.sessions(user).len();
        UserOnline { since_ms: online.since_ms, visible, sessions }
    }
}
