// adsum.h for C++17: an engine that frees itself, decisions that are dropped where nobody takes
// them, refusals as exceptions, and of the door for a cluster, what a node says of a user as a copy
// that may wait in a queue. Everything else is used as it is in C.
#pragma once

#include "adsum.h"

#include <deque>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adsum {

inline adsum_bytes bytes(std::string_view text) {
    // A view without a text is empty, and not missing.
    const char *data = text.data() == nullptr ? "" : text.data();
    return {reinterpret_cast<const uint8_t *>(data), text.size()};
}

inline std::string_view text(adsum_bytes bytes) {
    return {reinterpret_cast<const char *>(bytes.data), bytes.len};
}

/// Ids, for as long as the texts that it was made of are there: those that are named, or those of a
/// vector, a set or whatever else holds texts.
class list {
public:
    list(std::initializer_list<std::string_view> ids) { add(ids); }
    template <class Ids, class = decltype(std::string_view(*std::begin(std::declval<Ids &>())))>
    explicit list(const Ids &ids) {
        add(ids);
    }
    operator adsum_list() const { return {items_.data(), items_.size()}; }

private:
    template <class Ids> void add(const Ids &ids) {
        for (const auto &id : ids) {
            items_.push_back(bytes(id));
        }
    }

    std::vector<adsum_bytes> items_;
};

/// Who speaks at another node, for as long as the user's text is there.
class sender {
public:
    sender(std::string_view user, uint64_t session, uint32_t origin)
        : sender_{bytes(user), session, origin} {}
    operator const adsum_remote_sender *() const { return &sender_; }

private:
    adsum_remote_sender sender_;
};

/// What a node says of a user, copied with all that it points to: what an engine lends holds until
/// the next call only, and this for as long as it is there.
class user_state {
public:
    explicit user_state(const adsum_user_state &lent) : kept_(std::make_unique<kept>()) {
        kept_->state = lent;
        kept_->state.user = copy(lent.user);
        kept_->state.audience = copy(lent.audience, kept_->audience);
        kept_->state.blocked = copy(lent.blocked, kept_->blocked);
        copy_sessions(lent);
        for (std::size_t at = 0; at < lent.ended_len; at++) {
            kept_->ended.push_back(lent.ended[at]);
        }
        lend_ended();
    }

    /// Says why a session has ended that the other engine may still have.
    void add_end(const adsum_remote_end &end) {
        kept_->ended.push_back(end);
        lend_ended();
    }

    const adsum_user_state &operator*() const { return kept_->state; }
    /// What adsum_remote_state takes. NULL, which it refuses, of one that was moved from.
    operator const adsum_user_state *() const {
        return kept_ == nullptr ? nullptr : &kept_->state;
    }

private:
    // Lies where it is until it is dropped, so that pointers into it stay right in a move.
    struct kept {
        adsum_user_state state{};
        std::deque<std::string> texts;
        std::vector<adsum_bytes> audience, blocked;
        std::vector<adsum_remote_session> sessions;
        std::vector<adsum_remote_member> topics;
        std::vector<adsum_remote_end> ended;
    };

    adsum_bytes copy(adsum_bytes lent) {
        // What is missing stays so.
        return lent.data == nullptr ? lent : bytes(kept_->texts.emplace_back(text(lent)));
    }

    adsum_list copy(adsum_list lent, std::vector<adsum_bytes> &into) {
        for (std::size_t at = 0; at < lent.len; at++) {
            into.push_back(copy(lent.items[at]));
        }
        return {into.data(), into.size()};
    }

    void copy_sessions(const adsum_user_state &lent) {
        for (std::size_t at = 0; at < lent.sessions_len; at++) {
            adsum_remote_session session = lent.sessions[at];
            session.presence = copy(session.presence);
            session.then = copy(session.then);
            for (std::size_t nth = 0; nth < session.topics_len; nth++) {
                const adsum_remote_member &member = session.topics[nth];
                kept_->topics.push_back(
                    {copy(member.topic), member.number, copy(member.presence), member.observes});
            }
            kept_->sessions.push_back(session);
        }
        // Where they lie is known once all of them are there.
        const adsum_remote_member *topics = kept_->topics.data();
        for (adsum_remote_session &session : kept_->sessions) {
            session.topics = topics;
            topics += session.topics_len;
        }
        kept_->state.sessions = kept_->sessions.data();
    }

    void lend_ended() {
        kept_->state.ended = kept_->ended.data();
        kept_->state.ended_len = kept_->ended.size();
    }

    std::unique_ptr<kept> kept_;
};

/// Why a call was refused.
class refused : public std::runtime_error {
public:
    explicit refused(const adsum_error &why) : std::runtime_error(why.message), why_(why) {}
    const adsum_error &why() const { return why_; }

private:
    adsum_error why_;
};

class engine;

/// The decisions about one input. Those that are not taken are dropped with it, unless there was
/// another input since, or the engine is gone: then it has nothing to say about any of them.
class decisions {
public:
    decisions(decisions &&) noexcept = default;
    decisions(const decisions &) = delete;
    decisions &operator=(const decisions &) = delete;
    decisions &operator=(decisions &&) = delete;
    ~decisions() {
        if (const auto held = current()) {
            (void)adsum_discard(held->engine);
        }
    }

    /// Calls `each` with every decision that is left. Throws if the engine has become faulty.
    template <class Each> void for_each(Each &&each) {
        adsum_decision decision;
        while (const auto held = current()) {
            if (!adsum_next(held->engine, &decision)) {
                held->must_be_sound();
                held_.reset();
                return;
            }
            each(std::as_const(decision));
        }
    }

private:
    friend class engine;

    // An engine, and the number of its last input.
    struct held {
        adsum_engine *engine = nullptr;
        uint64_t inputs = 0;

        held() = default;
        held(const held &) = delete;
        held &operator=(const held &) = delete;
        ~held() { adsum_engine_free(engine); }

        void must_be_sound() const {
            adsum_error why;
            if (adsum_last_error(engine, &why) == ADSUM_OK && why.status == ADSUM_E_BUG) {
                throw refused(why);
            }
        }
    };

    explicit decisions(const std::shared_ptr<held> &of) : held_(of), number_(of->inputs) {}

    // The engine, if it is there and these are about its last input. It stays for as long as what
    // is returned.
    std::shared_ptr<held> current() const {
        std::shared_ptr<held> of = held_.lock();
        return of != nullptr && of->inputs == number_ ? of : nullptr;
    }

    std::weak_ptr<held> held_;
    uint64_t number_;
};

class engine {
public:
    explicit engine(const adsum_options *options = nullptr, adsum_represent choose = nullptr,
                    void *context = nullptr)
        : held_(std::make_shared<decisions::held>()) {
        adsum_error why;
        if (adsum_engine_new(options, choose, context, &held_->engine, &why) != ADSUM_OK) {
            throw refused(why);
        }
    }
    engine(engine &&) noexcept = default;
    engine &operator=(engine &&) noexcept = default;
    engine(const engine &) = delete;
    engine &operator=(const engine &) = delete;

    /// Gives an input: a verb of adsum.h, and what it takes after the engine.
    template <class... Takes, class... Given>
    [[nodiscard]] decisions give(adsum_status (*verb)(adsum_engine *, Takes...), Given &&...given) {
        must(verb(get(), std::forward<Given>(given)...));
        held_->inputs++;
        return decisions(held_);
    }

    /// Asks something: a query of adsum.h, and what it takes between the engine and where it
    /// writes. Returns nothing where there is nothing.
    template <class Answer, class... Takes, class... Given>
    bool ask(Answer &answer, adsum_status (*query)(const adsum_engine *, Takes...),
             Given &&...given) const {
        return is_answer(query(get(), std::forward<Given>(given)..., &answer));
    }

    /// Has adsum_next_changed tell from now on whose state at this node has changed.
    void note_changes() { must(adsum_note_changes(get())); }

    /// Calls `each` with what this node says of each user of whom that has changed. It is lent for
    /// as long as `each` gives this engine nothing: make a user_state of it to keep it. If `each`
    /// throws, nobody is told of that user until it changes again, and the rest are left for later.
    template <class Each> void for_each_changed(uint64_t now, bool with_lists, Each &&each) {
        adsum_user_state state;
        while (is_answer(adsum_next_changed(get(), now, with_lists, &state))) {
            each(std::as_const(state));
        }
    }

    /// Returns which nodes have sessions of a user, each once for each session.
    std::vector<uint32_t> origins_of(std::string_view user) const {
        const uint32_t *origins = nullptr;
        std::size_t len = 0;
        must(adsum_origins_of(get(), bytes(user), &origins, &len));
        return {origins, origins + len};
    }

private:
    // NULL, which every call refuses, of one that was moved from.
    adsum_engine *get() const { return held_ == nullptr ? nullptr : held_->engine; }

    /// Returns whether there is one: a query has nothing to say, or refuses.
    bool is_answer(adsum_status status) const {
        if (status == ADSUM_NOTHING) {
            return false;
        }
        must(status);
        return true;
    }

    void must(adsum_status status) const {
        if (status == ADSUM_OK) {
            return;
        }
        adsum_error why;
        if (adsum_last_error(get(), &why) != ADSUM_OK) {
            throw std::logic_error("refused, and nobody knows why");
        }
        throw refused(why);
    }

    std::shared_ptr<decisions::held> held_;
};

} // namespace adsum
