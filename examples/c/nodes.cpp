// Two nodes in C++: what changes at one is told to the other, and so to contacts, watchers and
// topics there. What is said between them waits in a queue, as it would for a socket; a real node
// encodes it, sends it, and numbers it, so that what is lost is noticed.
//
//     cargo build -p adsum-ffi
//     g++ -std=c++17 -I crates/ffi/include examples/c/nodes.cpp -L target/debug -ladsum_ffi -o two
//     LD_LIBRARY_PATH=target/debug ./two

#include "adsum.hpp"

#include <iostream>
#include <map>

namespace {

const adsum_view all{ADSUM_VIEW_ALL, 0};

class node {
public:
    node(std::string name, uint32_t origin, const adsum_options &options)
        : name_(std::move(name)), origin_(origin), engine_(&options) {
        engine_.note_changes();
    }

    /// What the others know it by.
    uint32_t origin() const { return origin_; }
    const adsum::engine &engine() const { return engine_; }

    adsum_session come(uint64_t now, std::string_view user, const adsum::list &audience) {
        adsum_newcomer newcomer{};
        newcomer.user = adsum::bytes(user);
        newcomer.audience = audience;
        adsum_session session;
        auto decisions = engine_.give(adsum_connect, now, &newcomer, &session);
        connections_[session.slot] = user;
        carry_out(std::move(decisions));
        return session;
    }

    /// Gives an input, and carries out what it leads to.
    template <class Verb, class... Given> void give(Verb verb, Given &&...given) {
        carry_out(engine_.give(verb, std::forward<Given>(given)...));
    }

    /// Puts what has changed into the queue, and why sessions have ended. Returns how many such
    /// states wait there.
    std::size_t say(uint64_t now) {
        engine_.for_each_changed(now, true, [this](const adsum_user_state &lent) {
            adsum::user_state state(lent);
            auto [first, last] = ends_.equal_range(std::string(adsum::text(lent.user)));
            for (auto end = first; end != last; ++end) {
                state.add_end(end->second);
            }
            ends_.erase(first, last);
            outbox_.push_back(std::move(state));
        });
        return outbox_.size();
    }

    /// Says to another node what has changed here, and hears it say the same, until both are quiet:
    /// what one says may change something at the other.
    void spread(uint64_t now, node &other) {
        while (say(now) + other.say(now) > 0) {
            other.hear(now, *this);
            hear(now, other);
        }
    }

private:
    void hear(uint64_t now, node &from) {
        for (; !from.outbox_.empty(); from.outbox_.pop_front()) {
            give(adsum_remote_state, now, from.origin_, from.outbox_.front());
        }
    }

    void carry_out(adsum::decisions decisions) {
        decisions.for_each([this](const adsum_decision &decision) {
            for (std::size_t at = 0; at < decision.to_len; at++) {
                std::cout << name_ << ", to " << connections_.at(decision.to[at]) << ": ";
                if (decision.kind == ADSUM_DECISION_DELIVER) {
                    print_told(decision);
                } else {
                    print_here(decision);
                }
            }
            bool is_remote = adsum_session_is_remote(decision.key);
            const char *where = is_remote ? " at the other node" : "";
            if (decision.kind == ADSUM_DECISION_ONLINE) {
                std::cout << "(" << name_ << ": " << adsum::text(decision.user)
                          << " has come online" << where << ")\n";
            } else if (decision.kind == ADSUM_DECISION_ENDED) {
                std::cout << "(" << name_ << ": a session of " << adsum::text(decision.user)
                          << " has ended" << where
                          << (decision.reason == ADSUM_REASON_LOST ? ", lost" : "")
                          << (decision.is_last ? ", the last)\n" : ")\n");
                if (!is_remote) {
                    forget(decision);
                }
            }
        });
    }

    void forget(const adsum_decision &ended) {
        connections_.erase(ended.key.slot);
        ends_.insert({std::string(adsum::text(ended.user)),
                      {ended.session, ended.reason, ended.cause}});
    }

    static void print_told(const adsum_decision &decision) {
        if (decision.topic.data != nullptr) {
            std::cout << "in " << adsum::text(decision.topic) << " ";
        }
        std::cout << adsum::text(decision.user);
        switch (decision.notice) {
        case ADSUM_NOTICE_PRESENCE:
        case ADSUM_NOTICE_MEMBER:
            std::cout << " shows " << adsum::text(decision.presence) << "\n";
            break;
        case ADSUM_NOTICE_DIRECTED:
        case ADSUM_NOTICE_SAID:
            std::cout << " says " << adsum::text(decision.presence) << "\n";
            break;
        case ADSUM_NOTICE_JOINED:
            std::cout << " has joined with " << adsum::text(decision.presence) << "\n";
            break;
        case ADSUM_NOTICE_LEFT:
            std::cout << (decision.reason == ADSUM_REASON_LOST ? " was lost\n" : " has left\n");
            break;
        case ADSUM_NOTICE_USER_OFFLINE:
            std::cout << " is offline\n";
            break;
        default:
            std::cout << " does something else (" << decision.notice << ")\n";
        }
    }

    static void print_here(const adsum_decision &decision) {
        std::cout << decision.entries_len << " here";
        for (std::size_t at = 0; at < decision.entries_len; at++) {
            const adsum_entry &entry = decision.entries[at];
            std::cout << ", " << adsum::text(entry.user) << " with "
                      << adsum::text(entry.presence);
        }
        std::cout << "\n";
    }

    std::string name_;
    uint32_t origin_;
    adsum::engine engine_;
    std::map<uint32_t, std::string> connections_;
    std::multimap<std::string, adsum_remote_end> ends_;
    std::deque<adsum::user_state> outbox_;
};

/// What is said to somebody goes to the nodes that have sessions of the receiver. The node of the
/// sender takes the token.
void say(node &east, node &west, adsum_session ann, adsum_topic room) {
    adsum_session_info info;
    if (!east.engine().ask(info, adsum_session_by_key, ann)) {
        throw std::logic_error("she is there");
    }
    adsum::sender from("ann", info.id, east.origin());
    east.give(adsum_direct, 40, ann, adsum::list{"bob"}, adsum::bytes("lunch?"));
    for (uint32_t origin : east.engine().origins_of("bob")) {
        if (origin == west.origin()) {
            west.give(adsum_remote_direct, 40, from, adsum::list{"bob"}, adsum::bytes("lunch?"));
        }
    }
    // What is said in a topic goes to all nodes.
    east.give(adsum_say, 50, ann, room, adsum::bytes("hello"));
    west.give(adsum_remote_say, 50, from, adsum::bytes("room"), adsum::bytes("hello"));
    try {
        adsum::sender nobody("fay", info.id, east.origin());
        west.give(adsum_remote_direct, 50, nobody, adsum::list{"bob"}, adsum::bytes("psst"));
    } catch (const adsum::refused &refused) {
        std::cout << "refused: " << refused.what() << "\n";
    }
}

/// A node that is lost and back is not noticed; one that is gone takes its sessions along.
void lose(node &east, node &west) {
    std::cout << "(west hears nothing of east, and then it does)\n";
    west.give(adsum_origin_lost, 1000, east.origin());
    west.give(adsum_origin_back, 2000, east.origin());
    std::cout << "(east is gone for good)\n";
    west.give(adsum_origin_gone, 3000, east.origin());
    // One that comes back after all says once more who is there.
    std::cout << "(east is back after all)\n";
    adsum_user_state dan;
    if (east.engine().ask(dan, adsum_local_user, 4000, adsum::bytes("dan"), true)) {
        west.give(adsum_remote_state, 4000, east.origin(), &dan);
    }
}

} // namespace

int main() {
    adsum_options options;
    if (adsum_options_default(&options) != ADSUM_OK) {
        return 1;
    }
    options.lease_ms = 0;
    node east("east", 1, options), west("west", 2, options);
    west.come(0, "bob", {"ann", "dan"});
    adsum_session cyd = west.come(0, "cyd", {});
    west.give(adsum_watch, 0, cyd, adsum::list{"ann"});
    adsum_topic in_west;
    west.give(adsum_observe, 0, cyd, adsum::bytes("room"), all, &in_west);
    west.spread(0, east);

    adsum_session ann = east.come(10, "ann", {"bob"});
    adsum_session dan = east.come(10, "dan", {"cyd", "bob"});
    adsum_session eve = east.come(10, "eve", {"cyd"});
    east.give(adsum_publish, 10, ann, adsum::bytes("at my desk"));
    east.give(adsum_publish, 10, dan, adsum::bytes("on the way"));
    adsum_topic room;
    east.give(adsum_join, 20, ann, adsum::bytes("room"), adsum::bytes("reading"), all, &room);
    // What waits in the queue stays as it was said, whatever the engine does meanwhile.
    east.say(20);
    east.give(adsum_publish, 30, ann, adsum::bytes("in a meeting"));
    east.give(adsum_update, 30, ann, room, adsum::bytes("writing"));
    east.spread(30, west);
    say(east, west, ann, room);

    east.give(adsum_lost_with_grace, 60, ann, ADSUM_CAUSE_GOING_AWAY, 0);
    east.give(adsum_disconnect, 60, eve);
    east.spread(60, west);
    for (uint64_t at = 0; west.engine().ask(at, adsum_deadline) && at <= 900;) {
        std::cout << "(at " << at << ")\n";
        west.give(adsum_advance, at);
    }
    lose(east, west);
    adsum_counts counts;
    west.engine().ask(counts, adsum_count);
    std::cout << counts.users_online << " users in the west, " << counts.remote
              << " of them at other nodes\n";
}
