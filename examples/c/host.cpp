// A host in C++: one state a user, told by whichever device is busiest. Prints who is told what.
//
//     cargo build -p adsum-ffi
//     g++ -std=c++17 -I crates/ffi/include examples/c/host.cpp -L target/debug -ladsum_ffi -o host
//     LD_LIBRARY_PATH=target/debug ./host

#include "adsum.hpp"

#include <iostream>
#include <map>

namespace {

// How busy somebody is: as long as what they show.
std::size_t busiest(void *calls, const adsum_candidate *candidates, std::size_t len) {
    ++*static_cast<int *>(calls);
    std::size_t best = 0;
    for (std::size_t at = 1; at < len; at++) {
        if (candidates[at].presence.len > candidates[best].presence.len) {
            best = at;
        }
    }
    return best;
}

class host {
public:
    explicit host(int &calls) : engine_(nullptr, busiest, &calls) {}

    adsum_session come(std::string_view user, std::string_view device, uint8_t kind,
                       const adsum::list &audience) {
        adsum_newcomer newcomer{};
        newcomer.user = adsum::bytes(user);
        newcomer.audience = audience;
        newcomer.kind = kind;
        adsum_session session;
        auto decisions = engine_.give(adsum_connect, 0, &newcomer, &session);
        connections_[session.slot] = device;
        carry_out(std::move(decisions));
        return session;
    }

    void publish(adsum_session session, std::string_view presence) {
        carry_out(engine_.give(adsum_publish, 0, session, adsum::bytes(presence)));
    }

    void leave(adsum_session session) {
        carry_out(engine_.give(adsum_disconnect, 0, session));
    }

    adsum::engine &engine() { return engine_; }

private:
    void carry_out(adsum::decisions decisions) {
        decisions.for_each([this](const adsum_decision &decision) {
            for (std::size_t at = 0; at < decision.to_len; at++) {
                std::cout << "to " << connections_.at(decision.to[at]) << ": ";
                if (decision.kind == ADSUM_DECISION_SNAPSHOT) {
                    std::cout << decision.entries_len << " in sight\n";
                } else if (decision.notice == ADSUM_NOTICE_USER_OFFLINE) {
                    std::cout << adsum::text(decision.user) << " is offline\n";
                } else if (decision.notice == ADSUM_NOTICE_USER) {
                    std::cout << adsum::text(decision.user) << " is "
                              << adsum::text(decision.presence) << "\n";
                } else {
                    std::cout << (decision.notice == ADSUM_NOTICE_PRESENCE
                                      ? "another device of yours is "
                                      : "another device of yours has gone")
                              << adsum::text(decision.presence) << "\n";
                }
            }
            if (decision.kind == ADSUM_DECISION_ENDED) {
                connections_.erase(decision.key.slot);
            }
        });
    }

    adsum::engine engine_;
    std::map<uint32_t, std::string> connections_;
};

} // namespace

int main() {
    int calls = 0;
    host host(calls);
    adsum_session bob = host.come("bob", "bob", 0, {"ann"});
    adsum_session phone = host.come("ann", "ann's phone", 1, {"bob"});
    adsum_session desk = host.come("ann", "ann's desk", 2, {"bob"});
    host.publish(phone, "on the way");
    host.publish(desk, "in");
    host.publish(desk, "in a meeting");
    host.publish(phone, "here");
    std::cout << "chosen: " << (calls > 0 ? "yes" : "no") << "\n";

    // What is not taken is dropped, and the next input may be given.
    (void)host.engine().give(adsum_publish, 0, phone, adsum::bytes("unheard"));
    try {
        (void)host.engine().give(adsum_lost_with_grace, 0, phone, ADSUM_CAUSE_TIMEOUT, UINT64_MAX);
    } catch (const adsum::refused &refused) {
        std::cout << "refused: " << refused.what() << " (limit " << refused.why().limit << ")\n";
    }
    bool is_online = false;
    host.engine().ask(is_online, adsum_is_online, adsum::bytes("ann"));
    std::cout << "ann is " << (is_online ? "online" : "offline") << "\n";
    host.leave(desk);
    host.leave(phone);
    host.leave(bob);
    adsum_session_info gone;
    std::cout << "known: " << host.engine().ask(gone, adsum_session_by_key, bob) << "\n";
}
