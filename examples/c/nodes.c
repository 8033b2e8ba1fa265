/* Two nodes in C: what changes at one is told to the other, and so to the contacts who are there.
 * Both engines are in one process here, so nothing is sent: what one lends is handed to the other
 * as it is. A real node encodes it, sends it, and numbers it, so that what is lost is noticed:
 * docs/cluster.md says how the nodes of the server do that.
 *
 *     cargo build -p adsum-ffi
 *     gcc -I crates/ffi/include examples/c/nodes.c -L target/debug -ladsum_ffi -o nodes
 *     LD_LIBRARY_PATH=target/debug ./nodes
 */
#include "adsum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Why sessions have ended, of whom the other node is yet to be told. */
#define MOST_ENDS 8

struct end {
    char user[16];
    adsum_remote_end why;
};

struct node {
    const char *name;
    uint32_t origin; /* what the other node knows it by */
    adsum_engine *engine;
    const char *names[32]; /* connections by slot; a real host's tables grow */
    struct end ends[MOST_ENDS];
    size_t ends_len;
    int is_heard;  /* by the other */
    uint64_t last; /* the session that somebody here was told of last */
};

static struct node east = {.name = "east", .origin = 1, .is_heard = 1};
static struct node west = {.name = "west", .origin = 2, .is_heard = 1};

static struct node *other(struct node *node) { return node == &east ? &west : &east; }

static void check(adsum_status status, const char *what) {
    if (status != ADSUM_OK) {
        fprintf(stderr, "%s: status %u\n", what, (unsigned)status);
        abort();
    }
}

static const char **connection(struct node *node, uint32_t slot) {
    size_t at = adsum_slot_index(slot);
    if (!adsum_slot_is_near(slot) || at >= 32) {
        abort();
    }
    return &node->names[at];
}

/* ---- what is printed */

static const char *words(adsum_notice notice) {
    switch (notice) {
    case ADSUM_NOTICE_PRESENCE:
    case ADSUM_NOTICE_MEMBER:
        return " shows ";
    case ADSUM_NOTICE_JOINED:
        return " has joined with ";
    case ADSUM_NOTICE_DIRECTED:
    case ADSUM_NOTICE_SAID:
        return " says ";
    case ADSUM_NOTICE_DIRECTED_OVER:
        return " says that no more";
    case ADSUM_NOTICE_SESSION_ENDED:
        return " has one device less";
    case ADSUM_NOTICE_USER_OFFLINE:
        return " is offline";
    case ADSUM_NOTICE_LEFT:
        return " has left";
    default:
        return " does something else";
    }
}

static void print_told(const adsum_decision *decision) {
    if (decision->topic.data != NULL) {
        printf("in %.*s ", (int)decision->topic.len, (const char *)decision->topic.data);
    }
    printf("%.*s%s", (int)decision->user.len, (const char *)decision->user.data,
           words(decision->notice));
    printf("%.*s\n", (int)decision->presence.len, (const char *)decision->presence.data);
}

static void print_here(const adsum_decision *decision) {
    printf("%zu here", decision->entries_len);
    for (size_t at = 0; at < decision->entries_len; at++) {
        const adsum_entry *entry = &decision->entries[at];
        printf(", %.*s with %.*s", (int)entry->user.len, (const char *)entry->user.data,
               (int)entry->presence.len, (const char *)entry->presence.data);
    }
    printf("\n");
}

/* ---- the loop */

static void ended(struct node *node, const adsum_decision *decision) {
    int is_remote = adsum_session_is_remote(decision->key);
    printf("(%s: a session of %.*s has ended%s%s%s)\n", node->name, (int)decision->user.len,
           (const char *)decision->user.data, is_remote ? " at the other node" : "",
           decision->reason == ADSUM_REASON_LOST ? ", lost" : "",
           decision->is_last ? ", the last" : "");
    if (is_remote) {
        return; /* it has no connection here, and to say how it ended is its node's */
    }
    *connection(node, decision->key.slot) = NULL;
    if (node->ends_len == MOST_ENDS || decision->user.len >= sizeof node->ends[0].user) {
        return; /* to the other node it is then one that was disconnected */
    }
    struct end *end = &node->ends[node->ends_len++];
    memset(end, 0, sizeof *end);
    memcpy(end->user, decision->user.data, decision->user.len);
    end->why.id = decision->session;
    end->why.reason = (uint32_t)decision->reason;
    end->why.cause = (uint32_t)decision->cause;
}

static void drain(struct node *node) {
    adsum_decision decision;
    while (adsum_next(node->engine, &decision)) {
        switch (decision.kind) {
        case ADSUM_DECISION_DELIVER:
        case ADSUM_DECISION_SNAPSHOT:
        case ADSUM_DECISION_TOPIC:
            for (size_t at = 0; at < decision.to_len; at++) {
                printf("%s, to %s: ", node->name, *connection(node, decision.to[at]));
                if (decision.kind == ADSUM_DECISION_DELIVER) {
                    node->last = decision.session;
                    print_told(&decision);
                } else {
                    print_here(&decision);
                }
            }
            break;
        case ADSUM_DECISION_ONLINE:
            printf("(%s: %.*s has come online%s)\n", node->name, (int)decision.user.len,
                   (const char *)decision.user.data,
                   adsum_session_is_remote(decision.key) ? " at the other node" : "");
            break;
        case ADSUM_DECISION_ENDED:
            ended(node, &decision);
            break;
        default:
            break;
        }
    }
}

/* Says to the other node what this one says of a user, and why sessions of it have ended. */
static void tell(struct node *node, uint64_t now, adsum_user_state state) {
    adsum_remote_end why[MOST_ENDS];
    size_t len = 0, left = 0;
    for (size_t at = 0; at < node->ends_len; at++) {
        const struct end *end = &node->ends[at];
        if (strlen(end->user) == state.user.len &&
            memcmp(end->user, state.user.data, state.user.len) == 0) {
            why[len++] = end->why;
        } else {
            node->ends[left++] = *end;
        }
    }
    node->ends_len = left;
    state.ended = why;
    state.ended_len = len;
    struct node *to = other(node);
    check(adsum_remote_state(to->engine, now, node->origin, &state), "remote_state");
    drain(to);
}

/* Says who has changed, until nobody has: what one node says may change something at the other. */
static void spread(uint64_t now) {
    for (int quiet = 0; quiet < 2;) {
        struct node *node = quiet == 0 ? &east : &west;
        adsum_user_state state;
        /* Lists are said with it: each user's are edited at one node only in this example. */
        if (node->is_heard && adsum_next_changed(node->engine, now, true, &state) == ADSUM_OK) {
            tell(node, now, state);
            quiet = 0;
        } else {
            quiet++;
        }
    }
}

/* Carries out what an input of a node came to. */
static void done(struct node *node, uint64_t now, adsum_status status) {
    check(status, node->name);
    drain(node);
    spread(now);
}

static void make(struct node *node) {
    adsum_options options;
    check(adsum_options_default(&options), "options");
    options.lease_ms = 0;
    options.grace_node_loss_ms = 10000;
    check(adsum_engine_new(&options, NULL, NULL, &node->engine, NULL), "new");
    check(adsum_note_changes(node->engine), "note_changes");
}

static adsum_session come(struct node *node, uint64_t now, const char *user, const char *contact) {
    adsum_bytes audience = adsum_text(contact);
    adsum_newcomer newcomer = {0};
    newcomer.user = adsum_text(user);
    newcomer.audience = adsum_ids(&audience, 1);
    adsum_session session;
    check(adsum_connect(node->engine, now, &newcomer, &session), "connect");
    *connection(node, session.slot) = user;
    drain(node);
    spread(now);
    return session;
}

/* ---- what happens */

/* Who shows something is seen by contacts at the other node, in topics too. */
static void show(adsum_session ann, adsum_session bob, adsum_topic *room) {
    adsum_view all = {ADSUM_VIEW_ALL, 0};
    done(&east, 10, adsum_publish(east.engine, 10, ann, adsum_text("at my desk")));
    done(&west, 20, adsum_publish(west.engine, 20, bob, adsum_text("here")));
    done(&east, 30,
         adsum_join(east.engine, 30, ann, adsum_text("room"), adsum_text("reading"), all, room));
    adsum_topic in_west;
    done(&west, 40, adsum_observe(west.engine, 40, bob, adsum_text("room"), all, &in_west));
    done(&east, 50, adsum_update(east.engine, 50, ann, *room, adsum_text("writing")));
}

/* What is said to somebody goes to the nodes that have sessions of the receiver, and to them only.
 * The node of the sender takes the token. */
static void say(adsum_session ann, adsum_topic room) {
    adsum_bytes to = adsum_text("bob");
    adsum_session_info info;
    check(adsum_session_by_key(east.engine, ann, &info), "session");
    adsum_remote_sender from = {adsum_text("ann"), info.id, east.origin};
    const uint32_t *nodes;
    size_t len;
    done(&east, 60, adsum_direct(east.engine, 60, ann, adsum_ids(&to, 1), adsum_text("lunch?")));
    check(adsum_origins_of(east.engine, to, &nodes, &len), "origins");
    for (size_t at = 0; at < len; at++) {
        if (nodes[at] == west.origin) {
            done(&west, 60, adsum_remote_direct(west.engine, 60, &from, adsum_ids(&to, 1),
                                                adsum_text("lunch?")));
        }
    }
    /* What is said in a topic goes to all nodes. */
    done(&east, 70, adsum_say(east.engine, 70, ann, room, adsum_text("hello")));
    done(&west, 70, adsum_remote_say(west.engine, 70, &from, adsum_text("room"),
                                     adsum_text("hello")));
}

/* One who changes nodes is not seen to go. */
static adsum_session change_nodes(adsum_session ann) {
    adsum_session there = come(&west, 100, "ann", "bob");
    done(&west, 110, adsum_publish(west.engine, 110, there, adsum_text("on the way")));
    done(&east, 120, adsum_disconnect(east.engine, 120, ann));
    ann = come(&east, 130, "ann", "bob");
    done(&east, 140, adsum_publish(east.engine, 140, ann, adsum_text("in")));
    done(&west, 150, adsum_lost_with_grace(west.engine, 150, there, ADSUM_CAUSE_GOING_AWAY, 0));
    return ann;
}

/* A node that is lost and back is not noticed; one that stays away takes its sessions along. */
static void lose(adsum_session ann) {
    printf("(west hears nothing of east, and then it does)\n");
    done(&west, 1000, adsum_origin_lost(west.engine, 1000, east.origin));
    done(&west, 2000, adsum_origin_back(west.engine, 2000, east.origin));
    printf("(west hears nothing of east for longer)\n");
    east.is_heard = 0;
    done(&west, 3000, adsum_origin_lost_since(west.engine, 3000, east.origin, 2500));
    done(&east, 4000, adsum_publish(east.engine, 4000, ann, adsum_text("unheard")));
    uint64_t at;
    while (adsum_deadline(west.engine, &at) == ADSUM_OK && at <= 20000) {
        printf("(at %" PRIu64 ")\n", at);
        done(&west, at, adsum_advance(west.engine, at));
    }
    printf("(west hears of east)\n");
    east.is_heard = 1;
    done(&west, 30000, adsum_origin_back(west.engine, 30000, east.origin));
    adsum_user_state state;
    check(adsum_local_user(east.engine, 30000, adsum_text("ann"), true, &state), "local_user");
    tell(&east, 30000, state);
    adsum_session_info info;
    uint32_t origin;
    check(adsum_session_by_id(west.engine, west.last, &info), "session");
    check(adsum_origin_of(west.engine, west.last, &origin), "origin_of");
    printf("(that %.*s is at node %u)\n", (int)info.user.len, (const char *)info.user.data,
           (unsigned)origin);
    printf("(east is gone for good)\n");
    east.is_heard = 0;
    done(&west, 31000, adsum_origin_gone(west.engine, 31000, east.origin));
}

int main(void) {
    make(&east);
    make(&west);
    adsum_session bob = come(&west, 0, "bob", "ann");
    adsum_session ann = come(&east, 0, "ann", "bob");
    adsum_topic room;
    show(ann, bob, &room);
    say(ann, room);
    ann = change_nodes(ann);
    lose(ann);
    adsum_counts counts;
    check(adsum_count(west.engine, &counts), "count");
    printf("%zu users and %zu sessions in the west, %zu of them at other nodes\n",
           counts.users_online, counts.sessions, counts.remote);
    adsum_engine_free(east.engine);
    adsum_engine_free(west.engine);
    return 0;
}
