/* A host that frees an engine before it has taken all decisions. */
#include "adsum.h"

#include <stdio.h>

static adsum_session come(adsum_engine *engine, const char *user, const char *contact) {
    adsum_bytes audience = adsum_text(contact);
    adsum_newcomer newcomer = {0};
    adsum_session session = {0, 0};
    newcomer.user = adsum_text(user);
    newcomer.audience = adsum_ids(&audience, 1);
    if (adsum_connect(engine, 0, &newcomer, &session) == ADSUM_OK) {
        (void)adsum_discard(engine);
    }
    return session;
}

int main(void) {
    adsum_engine *engine;
    adsum_session ann;
    if (adsum_engine_new(NULL, NULL, NULL, &engine, NULL) != ADSUM_OK) {
        return 1;
    }
    (void)come(engine, "bob", "ann");
    ann = come(engine, "ann", "bob");
    if (adsum_publish(engine, 1, ann, adsum_text("here")) != ADSUM_OK ||
        adsum_advance(engine, 2) != ADSUM_E_NOT_DRAINED) {
        return 1;
    }
    adsum_engine_free(engine);
    printf("freed\n");
    return 0;
}
