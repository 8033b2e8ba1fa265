/* A host with a fault that Valgrind is to find: it reads what is lent no more. */
#include "adsum.h"

#include <stdio.h>

int main(void) {
    adsum_engine *engine;
    adsum_session ann;
    adsum_newcomer newcomer = {0};
    adsum_session_info info;
    newcomer.user = adsum_text("ann");
    if (adsum_engine_new(NULL, NULL, NULL, &engine, NULL) != ADSUM_OK ||
        adsum_connect(engine, 0, &newcomer, &ann) != ADSUM_OK ||
        adsum_discard(engine) != ADSUM_OK ||
        adsum_session_by_key(engine, ann, &info) != ADSUM_OK) {
        return 1;
    }
    adsum_engine_free(engine);
    printf("%c\n", info.user.data[0]);
    return 0;
}
