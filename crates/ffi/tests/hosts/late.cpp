// A host in C++ whose objects go later than they should: decisions that are kept until there are
// newer ones, or until their engine is gone; and contacts that come from a vector.
#include "adsum.hpp"

#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <vector>

static adsum_session come(adsum::engine &engine, std::string_view user,
                          const adsum::list &audience) {
    adsum_newcomer newcomer{};
    adsum_session session{};
    newcomer.user = adsum::bytes(user);
    newcomer.audience = audience;
    (void)engine.give(adsum_connect, 0u, &newcomer, &session);
    return session;
}

static int count(adsum::decisions &decisions) {
    int number = 0;
    decisions.for_each([&](const adsum_decision &) { number++; });
    return number;
}

int main() {
    std::optional<adsum::engine> engine(std::in_place);
    const std::vector<std::string> contacts{"ann", "cyd"};
    const std::set<std::string_view> nobody;
    come(*engine, "bob", adsum::list(contacts));
    come(*engine, "cyd", adsum::list(nobody));
    const adsum_session ann = come(*engine, "ann", {"bob"});

    adsum_list audience;
    engine->ask(audience, adsum_audience, adsum::bytes("bob"));
    std::cout << "bob has " << audience.len << " contacts\n";

    // Each is dropped once the next one is there.
    std::optional<adsum::decisions> last;
    for (uint64_t now = 1; now < 4; now++) {
        last.emplace(engine->give(adsum_publish, now, ann, adsum::bytes("here")));
        std::cout << "publish " << now << ": " << count(*last) << '\n';
    }

    // One that nobody has taken anything of is dropped with those that are newer left.
    auto older = std::make_optional(engine->give(adsum_heartbeat, 4u, ann));
    auto newer = engine->give(adsum_publish, 4u, ann, adsum::bytes("back"));
    std::cout << "of an older input: " << count(*older) << '\n';
    older.reset();
    std::cout << "of the newer one: " << count(newer) << ", and then " << count(newer) << '\n';

    // Its own it drops still, as much as is left.
    (void)engine->give(adsum_publish, 5u, ann, adsum::bytes("unheard"));
    auto moved = engine->give(adsum_publish, 6u, ann, adsum::bytes("gone"));
    {
        const adsum::decisions into(std::move(moved));
    }
    std::cout << "of what was dropped: " << count(moved) << '\n';

    // And after the engine it says nothing.
    last.emplace(engine->give(adsum_publish, 7u, ann, adsum::bytes("late")));
    engine.reset();
    std::cout << "without an engine: " << count(*last) << '\n';
}
