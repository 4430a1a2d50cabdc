#include "CVocabulary.h"

// Words are read as they lie: amd64 and arm64 are little-endian.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the slots are little-endian words");

// C23's #embed is an extension in the C that the package is compiled as.
#pragma clang diagnostic ignored "-Wc23-extensions"

_Alignas(64) const uint8_t cvocabulary_tokens[] = {
#embed "o200k_base.bin"
};

_Alignas(64) const uint8_t cvocabulary_classes[] = {
#embed "character_classes.bin"
};

_Static_assert(sizeof cvocabulary_tokens ==
                   4 * CVOCABULARY_PAIRS + CVOCABULARY_BUCKETS + 8 * CVOCABULARY_SLOTS +
                       CVOCABULARY_POOL_BYTES,
               "the table and its constants were made together");
_Static_assert(sizeof cvocabulary_classes ==
                   (0x110000 >> 7) + (CVOCABULARY_CLASS_BLOCKS << 7),
               "the table and its constants were made together");
