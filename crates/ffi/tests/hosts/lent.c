/* A host that hands back to an engine what a query of that engine has lent, in the next call. */
#include "adsum.h"

#include <stdio.h>
#include <stdlib.h>

static adsum_engine *engine;

/* What must be so. */
static void must(bool is_so, const char *what) {
    if (!is_so) {
        printf("not so: %s\n", what);
        exit(1);
    }
}

static void done(adsum_status status, const char *what) {
    adsum_decision decision;
    must(status == ADSUM_OK, what);
    while (adsum_next(engine, &decision)) {
    }
}

static adsum_session come(const char *user, adsum_list audience, adsum_list blocked) {
    adsum_newcomer newcomer = {0};
    adsum_session session = {0, 0};
    newcomer.user = adsum_text(user);
    newcomer.audience = audience;
    newcomer.blocked = blocked;
    done(adsum_connect(engine, 0, &newcomer, &session), "connect");
    return session;
}

int main(void) {
    adsum_session ann;
    adsum_topic room;
    adsum_topic_info of_room;
    adsum_list lent;
    adsum_session_info info;
    adsum_user_state state;
    adsum_view all = {ADSUM_VIEW_ALL, 0};
    adsum_list nobody = adsum_ids(NULL, 0);
    adsum_bytes contacts[3], strangers[2];
    contacts[0] = adsum_text("bob");
    contacts[1] = adsum_text("cyd");
    contacts[2] = adsum_text("dan");
    strangers[0] = adsum_text("eve");
    strangers[1] = adsum_text("fay");
    must(adsum_engine_new(NULL, NULL, NULL, &engine, NULL) == ADSUM_OK, "an engine");
    ann = come("ann", adsum_ids(contacts, 3), adsum_ids(strangers, 2));

    /* Those who are known only by these lists are forgotten in the call that is handed them. */
    must(adsum_audience(engine, adsum_text("ann"), &lent) == ADSUM_OK && lent.len == 3, "contacts");
    done(adsum_audience_remove(engine, 1, adsum_text("ann"), lent), "remove");
    must(adsum_audience(engine, adsum_text("ann"), &lent) == ADSUM_OK && lent.len == 0, "nobody");
    must(lent.items == NULL, "a list of nobody is NULL");
    done(adsum_audience_replace(engine, 1, adsum_text("ann"), lent), "replace");
    while (adsum_blocked(engine, adsum_text("ann"), &lent) == ADSUM_OK && lent.len > 0) {
        done(adsum_unblock(engine, 2, adsum_text("ann"), lent.items[0]), "unblock");
    }
    done(adsum_watch(engine, 3, ann, adsum_ids(strangers, 2)), "watch");
    must(adsum_watched(engine, ann, &lent) == ADSUM_OK && lent.len == 2, "watched");
    done(adsum_unwatch(engine, 3, ann, lent), "unwatch");

    /* What a session shows, as what another one shows, and in place of itself. */
    done(adsum_publish(engine, 4, ann, adsum_text("at my desk")), "publish");
    must(adsum_session_by_key(engine, ann, &info) == ADSUM_OK, "a session");
    done(adsum_publish(engine, 4, ann, info.presence), "publish the same");
    done(adsum_join(engine, 4, ann, adsum_text("room"), adsum_none(), all, &room), "join");
    must(adsum_topic_by_key(engine, room, &of_room) == ADSUM_OK, "a topic");
    done(adsum_topic_close(engine, 4, of_room.name), "close");
    must(adsum_topic_by_key(engine, room, &of_room) == ADSUM_NOTHING, "no topic");

    /* What this node says of a user, as another's word; and the user, who is forgotten then. */
    must(adsum_local_user(engine, 5, adsum_text("ann"), true, &state) == ADSUM_OK, "a state");
    done(adsum_remote_state(engine, 5, 1, &state), "state");
    must(adsum_session_by_key(engine, ann, &info) == ADSUM_OK, "a session");
    done(adsum_expel(engine, 6, info.user), "expel");
    must(adsum_session_by_key(engine, ann, &info) == ADSUM_NOTHING, "no session");
    (void)come("bob", nobody, nobody);
    must(adsum_users_online(engine, &lent) == ADSUM_OK && lent.len == 1, "bob");
    done(adsum_expel(engine, 7, lent.items[0]), "expel");
    adsum_engine_free(engine);
    printf("taken back\n");
    return 0;
}
