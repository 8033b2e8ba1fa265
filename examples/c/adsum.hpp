// adsum.h for C++: an engine that frees itself, decisions that are dropped where nobody takes them,
// and refusals as exceptions. Everything else is used as it is in C.
#pragma once

#include "adsum.h"

#include <initializer_list>
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

/// Ids, for as long as the texts that it was made of are there.
class list {
public:
    list(std::initializer_list<std::string_view> ids) {
        for (std::string_view id : ids) {
            items_.push_back(bytes(id));
        }
    }
    operator adsum_list() const { return {items_.data(), items_.size()}; }

private:
    std::vector<adsum_bytes> items_;
};

/// Why a call was refused.
class refused : public std::runtime_error {
public:
    explicit refused(const adsum_error &why) : std::runtime_error(why.message), why_(why) {}
    const adsum_error &why() const { return why_; }

private:
    adsum_error why_;
};

/// The decisions about one input. Those that are not taken are dropped with it.
class decisions {
public:
    explicit decisions(adsum_engine *engine) : engine_(engine) {}
    decisions(decisions &&other) noexcept : engine_(std::exchange(other.engine_, nullptr)) {}
    decisions(const decisions &) = delete;
    decisions &operator=(const decisions &) = delete;
    decisions &operator=(decisions &&) = delete;
    ~decisions() {
        if (engine_ != nullptr) {
            adsum_discard(engine_);
        }
    }

    template <class Each> void for_each(Each &&each) {
        adsum_decision decision;
        while (adsum_next(engine_, &decision)) {
            each(std::as_const(decision));
        }
    }

private:
    adsum_engine *engine_;
};

class engine {
public:
    explicit engine(const adsum_options *options = nullptr, adsum_represent choose = nullptr,
                    void *context = nullptr) {
        adsum_engine *made = nullptr;
        adsum_error why;
        if (adsum_engine_new(options, choose, context, &made, &why) != ADSUM_OK) {
            throw refused(why);
        }
        engine_.reset(made);
    }

    /// Gives an input: a verb of adsum.h, and what it takes after the engine.
    template <class... Takes, class... Given>
    [[nodiscard]] decisions give(adsum_status (*verb)(adsum_engine *, Takes...), Given &&...given) {
        must(verb(engine_.get(), std::forward<Given>(given)...));
        return decisions(engine_.get());
    }

    /// Asks something: a query of adsum.h, and what it takes between the engine and where it
    /// writes. Returns nothing where there is nothing.
    template <class Answer, class... Takes, class... Given>
    bool ask(Answer &answer, adsum_status (*query)(const adsum_engine *, Takes...),
             Given &&...given) const {
        adsum_status status = query(engine_.get(), std::forward<Given>(given)..., &answer);
        if (status != ADSUM_NOTHING) {
            must(status);
        }
        return status == ADSUM_OK;
    }

private:
    struct free {
        void operator()(adsum_engine *engine) const { adsum_engine_free(engine); }
    };

    void must(adsum_status status) const {
        if (status == ADSUM_OK) {
            return;
        }
        adsum_error why;
        if (adsum_last_error(engine_.get(), &why) != ADSUM_OK) {
            throw std::logic_error("refused, and nobody knows why");
        }
        throw refused(why);
    }

    std::unique_ptr<adsum_engine, free> engine_;
};

} // namespace adsum
