/* A host in C: the loop, and the table of connections that every host keeps. It has no sockets and
 * prints instead who is told what. Time goes by in jumps.
 *
 *     cargo build -p adsum-ffi
 *     gcc -I crates/ffi/include examples/c/host.c -L target/debug -ladsum_ffi -o host
 *     LD_LIBRARY_PATH=target/debug ./host
 */
#include "adsum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- connections, by slot */

struct table {
    const char **names; /* NULL where nobody is */
    size_t len;
};

static struct table near, far;

static const char **connection(uint32_t slot) {
    struct table *table = adsum_slot_is_near(slot) ? &near : &far;
    size_t at = adsum_slot_index(slot);
    if (at >= table->len) {
        size_t len = at + 8;
        table->names = realloc(table->names, len * sizeof *table->names);
        if (table->names == NULL) {
            abort();
        }
        while (table->len < len) {
            table->names[table->len++] = NULL;
        }
    }
    return &table->names[at];
}

/* ---- what is printed */

static void print_bytes(adsum_bytes bytes) {
    if (bytes.data == NULL) {
        printf("nothing");
    } else {
        printf("\"%.*s\"", (int)bytes.len, (const char *)bytes.data);
    }
}

static void print_user(adsum_bytes user) { printf("%.*s", (int)user.len, (const char *)user.data); }

static void print_notice(const adsum_decision *decision) {
    if (decision->topic.data != NULL) {
        printf("in ");
        print_user(decision->topic);
        printf(" ");
    }
    if (decision->user.data != NULL) {
        print_user(decision->user);
    }
    switch (decision->notice) {
    case ADSUM_NOTICE_PRESENCE:
    case ADSUM_NOTICE_MEMBER:
        printf(" shows ");
        print_bytes(decision->presence);
        break;
    case ADSUM_NOTICE_JOINED:
        printf(" has joined, showing ");
        print_bytes(decision->presence);
        break;
    case ADSUM_NOTICE_DIRECTED:
    case ADSUM_NOTICE_SAID:
        printf(" says ");
        print_bytes(decision->presence);
        break;
    case ADSUM_NOTICE_DIRECTED_OVER:
    case ADSUM_NOTICE_SAID_OVER:
        printf(" says that no more");
        break;
    case ADSUM_NOTICE_LEFT:
        printf(decision->reason == ADSUM_REASON_LOST ? " was lost" : " has left");
        break;
    case ADSUM_NOTICE_USER_OFFLINE:
        printf(" is offline");
        break;
    default:
        printf(" does something else (%u)", (unsigned)decision->notice);
    }
}

static void print_entries(const adsum_decision *decision) {
    printf("%zu here", decision->entries_len);
    for (size_t at = 0; at < decision->entries_len; at++) {
        const adsum_entry *entry = &decision->entries[at];
        printf(", ");
        print_user(entry->user);
        printf(" with ");
        print_bytes(entry->presence);
    }
}

/* ---- the loop */

static adsum_engine *engine;

/* Takes what is to be done, one decision after the other. A server encodes each once, and puts it
 * into the queue of each receiver. */
static void drain(void) {
    adsum_decision decision;
    while (adsum_next(engine, &decision)) {
        switch (decision.kind) {
        case ADSUM_DECISION_DELIVER:
        case ADSUM_DECISION_SNAPSHOT:
        case ADSUM_DECISION_TOPIC:
            for (size_t at = 0; at < decision.to_len; at++) {
                printf("to %s: ", *connection(decision.to[at]));
                if (decision.kind == ADSUM_DECISION_DELIVER) {
                    print_notice(&decision);
                } else {
                    print_entries(&decision);
                }
                printf("\n");
            }
            break;
        case ADSUM_DECISION_CLOSE:
            *connection(decision.key.slot) = NULL;
            break;
        case ADSUM_DECISION_ONLINE:
            printf("(");
            print_user(decision.user);
            printf(" has come online)\n");
            break;
        case ADSUM_DECISION_ENDED:
            printf("(a session of ");
            print_user(decision.user);
            printf(" has ended, gone at %" PRIu64 "%s)\n", decision.since,
                   decision.is_last ? ", the last" : "");
            *connection(decision.key.slot) = NULL;
            break;
        default:
            break;
        }
    }
}

/* Whatever is due before `now` happens first, at its own time: all of it, before another input. */
static void advance(uint64_t now) {
    uint64_t at;
    do {
        if (adsum_advance(engine, now) != ADSUM_OK) {
            abort();
        }
        drain();
    } while (adsum_deadline(engine, &at) == ADSUM_OK && at <= now);
}

static void print_refusal(void) {
    adsum_error error;
    if (adsum_last_error(engine, &error) == ADSUM_OK) {
        printf("refused with %u: %s\n", (unsigned)error.status, error.message);
    }
}

/* Carries out what an input came to. */
static void done(adsum_status status) {
    if (status == ADSUM_OK) {
        drain();
    } else {
        print_refusal();
    }
}

static adsum_session come(uint64_t now, const char *name, const char *contact) {
    adsum_bytes audience = contact == NULL ? adsum_none() : adsum_text(contact);
    adsum_newcomer newcomer = {0};
    newcomer.user = adsum_text(name);
    newcomer.audience = adsum_ids(&audience, contact == NULL ? 0 : 1);
    adsum_session session;
    if (adsum_connect(engine, now, &newcomer, &session) != ADSUM_OK) {
        abort();
    }
    *connection(session.slot) = name; /* before the drain: its snapshot is in it */
    drain();
    return session;
}

static void make(void) {
    adsum_options options;
    adsum_error error;
    if (strcmp(adsum_version(), ADSUM_VERSION) != 0 ||
        adsum_options_default(&options) != ADSUM_OK) {
        abort();
    }
    options.max_sessions = 0;
    if (adsum_engine_new(&options, NULL, NULL, &engine, &error) != ADSUM_OK) {
        printf("refused with %u: %s\n", (unsigned)error.status, error.message);
    }
    options.max_sessions = 4;
    if (adsum_engine_new(&options, NULL, NULL, &engine, &error) != ADSUM_OK) {
        abort();
    }
}

static void contacts(adsum_session ann) {
    if (adsum_publish(engine, 10, ann, adsum_text("at my desk")) != ADSUM_OK) {
        abort();
    }
    /* Too early: nobody has taken the decisions of the publish. */
    if (adsum_heartbeat(engine, 10, ann) == ADSUM_E_NOT_DRAINED) {
        print_refusal();
    }
    drain();
    done(adsum_publish_until(engine, 20, ann, adsum_text("in a meeting"), 1000,
                             adsum_text("back")));
    advance(1500);
    adsum_bytes users[2] = {adsum_text("bob"), {NULL, 7}};
    done(adsum_direct(engine, 1500, ann, adsum_ids(users, 2), adsum_text("lunch?")));
    done(adsum_direct_for(engine, 1500, ann, adsum_ids(users, 1), adsum_text("typing"), 300));
    advance(2000);
}

static void topics(adsum_session ann, adsum_session bob) {
    adsum_view all = {ADSUM_VIEW_ALL, 0};
    adsum_topic room;
    done(adsum_join(engine, 2000, ann, adsum_text("room"), adsum_text("reading"), all, &room));
    done(adsum_observe(engine, 2000, bob, adsum_text("room"), all, &room));
    done(adsum_update(engine, 2000, ann, room, adsum_text("writing")));
    done(adsum_update(engine, 2000, bob, room, adsum_text("watching")));
    done(adsum_leave(engine, 2000, ann, room));
    adsum_topic_info info;
    if (adsum_topic_by_key(engine, room, &info) == ADSUM_OK) {
        printf("in ");
        print_user(info.name);
        printf(": %u members, %u observers\n", info.counts.users, info.counts.observers);
    }
}

int main(void) {
    make();
    adsum_session bob = come(0, "bob", "ann");
    adsum_session ann = come(0, "ann", "bob");
    contacts(ann);
    topics(ann, bob);

    /* One who need not be anybody's contact. */
    adsum_session cyd = come(2000, "cyd", NULL);
    adsum_bytes figure = adsum_text("ann");
    done(adsum_watch(engine, 2000, cyd, adsum_ids(&figure, 1)));

    /* A connection that breaks and comes back: nobody hears of it. */
    done(adsum_lost(engine, 2500, ann, ADSUM_CAUSE_CONNECTION_ERROR));
    done(adsum_resume(engine, 3000, ann, &ann));
    /* One that does not. The engine says itself when it has to be called. */
    done(adsum_lost(engine, 3500, ann, ADSUM_CAUSE_CONNECTION_ERROR));
    uint64_t at;
    while (adsum_deadline(engine, &at) == ADSUM_OK && at <= 63500) {
        if (adsum_heartbeat(engine, at, bob) != ADSUM_OK ||
            adsum_heartbeat(engine, at, cyd) != ADSUM_OK) {
            abort();
        }
        advance(at);
    }
    done(adsum_disconnect(engine, 64000, ann));
    done(adsum_disconnect(engine, 64000, cyd));
    done(adsum_disconnect(engine, 64000, bob));
    adsum_counts counts;
    if (adsum_count(engine, &counts) == ADSUM_OK) {
        printf("%zu users, %zu sessions, %zu topics left\n", counts.users_known, counts.sessions,
               counts.topics);
    }
    adsum_engine_free(engine);
    free(near.names);
    free(far.names);
    return 0;
}
