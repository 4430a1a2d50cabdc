// The o200k_base vocabulary and the Unicode character classes, as read-only data of the binary:
// nothing to find or to build at start, pages shared and loaded on demand.
// Scripts/make-vocabulary.py makes both tables and describes their layout.
#ifndef CVOCABULARY_H
#define CVOCABULARY_H

#include <stdint.h>

enum {
    CVOCABULARY_TOKENS = 199998,
    CVOCABULARY_PAIRS = 65536,
    CVOCABULARY_BUCKETS = 131072,
    CVOCABULARY_SLOTS = 204800,
    CVOCABULARY_POOL_BYTES = 1397678,
    CVOCABULARY_CLASS_BLOCKS = 230,
};

extern const uint8_t cvocabulary_tokens[];
extern const uint8_t cvocabulary_classes[];

/// The ranks of the tokens of two bytes, by first byte | second byte << 8.
static inline const uint32_t *_Nonnull cvocabulary_pairs(void) {
    return (const uint32_t *)(const void *)cvocabulary_tokens;
}

/// One byte for every bucket.
static inline const uint8_t *_Nonnull cvocabulary_pilots(void) {
    return cvocabulary_tokens + 4 * CVOCABULARY_PAIRS;
}

/// One word for every slot.
static inline const uint64_t *_Nonnull cvocabulary_slots(void) {
    return (const uint64_t *)(const void *)(cvocabulary_pilots() + CVOCABULARY_BUCKETS);
}

/// The bytes of all tokens.
static inline const uint8_t *_Nonnull cvocabulary_pool(void) {
    return (const uint8_t *)(cvocabulary_slots() + CVOCABULARY_SLOTS);
}

/// Code point >> 7 to block: 8,704 bytes.
static inline const uint8_t *_Nonnull cvocabulary_class_index(void) {
    return cvocabulary_classes;
}

/// Blocks of 128 classes, one byte each.
static inline const uint8_t *_Nonnull cvocabulary_class_blocks(void) {
    return cvocabulary_classes + (0x110000 >> 7);
}

#endif
