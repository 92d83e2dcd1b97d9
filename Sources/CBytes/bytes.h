// Bytes looked at sixteen at a time, with what every processor of the two kinds has: SSE2 of x86-64, Advanced SIMD of AArch64. In C, since Swift's
// vectors offer no way from a comparison of bytes to a number whose bits say where they were equal.
//
// Invariants: all reads lie in text[0] to text[count - 1], so a text may end at the end of a page. Nothing here keeps a pointer.
#ifndef APUS_BYTES_H
#define APUS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_INLINE static inline __attribute__((always_inline, swift_attr("@_noLocks")))

// A block of sixteen bytes, and marks: so many bits for each byte of a block, the first byte's lowest.
#if defined(__SSE2__)
#include <emmintrin.h>
typedef __m128i bytes_block;
enum { BYTES_MARK_BITS = 1 };

BYTES_INLINE bytes_block bytes_load(const uint8_t *text) { return _mm_loadu_si128((const __m128i *)text); }
BYTES_INLINE bytes_block bytes_pair(uint64_t low, uint64_t high) { return _mm_set_epi64x((long long)high, (long long)low); }
BYTES_INLINE bytes_block bytes_either(bytes_block a, bytes_block b) { return _mm_or_si128(a, b); }
BYTES_INLINE bytes_block bytes_equal_to(bytes_block block, uint8_t byte) { return _mm_cmpeq_epi8(block, _mm_set1_epi8((char)byte)); }
BYTES_INLINE bytes_block bytes_equal(bytes_block a, bytes_block b) { return _mm_cmpeq_epi8(a, b); }
BYTES_INLINE uint64_t bytes_marks(bytes_block block) { return (uint64_t)_mm_movemask_epi8(block); }
// ASCII capitals as small letters. The comparison is one of signed bytes: capitals alone come to lie above 101.
BYTES_INLINE bytes_block bytes_lowered(bytes_block block) {
    bytes_block capitals = _mm_cmpgt_epi8(_mm_add_epi8(block, _mm_set1_epi8(127 - 'Z')), _mm_set1_epi8(127 - 'Z' + 'A' - 1));
    return _mm_or_si128(block, _mm_and_si128(capitals, _mm_set1_epi8(0x20)));
}
// As signed bytes those from 0x80 on are below all others.
BYTES_INLINE bytes_block bytes_printing(bytes_block block) {
    return _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8(0x20)), _mm_cmplt_epi8(block, _mm_set1_epi8(0x7f)));
}
#elif defined(__aarch64__)
#include <arm_neon.h>
typedef uint8x16_t bytes_block;
enum { BYTES_MARK_BITS = 4 };

BYTES_INLINE bytes_block bytes_load(const uint8_t *text) { return vld1q_u8(text); }
BYTES_INLINE bytes_block bytes_pair(uint64_t low, uint64_t high) {
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}
BYTES_INLINE bytes_block bytes_either(bytes_block a, bytes_block b) { return vorrq_u8(a, b); }
BYTES_INLINE bytes_block bytes_equal_to(bytes_block block, uint8_t byte) { return vceqq_u8(block, vdupq_n_u8(byte)); }
BYTES_INLINE bytes_block bytes_equal(bytes_block a, bytes_block b) { return vceqq_u8(a, b); }
BYTES_INLINE uint64_t bytes_marks(bytes_block block) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(block), 4)), 0);
}
BYTES_INLINE bytes_block bytes_lowered(bytes_block block) {
    bytes_block capitals = vcltq_u8(vsubq_u8(block, vdupq_n_u8('A')), vdupq_n_u8(26));
    return vorrq_u8(block, vandq_u8(capitals, vdupq_n_u8(0x20)));
}
BYTES_INLINE bytes_block bytes_printing(bytes_block block) {
    return vcltq_u8(vsubq_u8(block, vdupq_n_u8(0x21)), vdupq_n_u8(0x7f - 0x21));
}
#else
#error "Apus runs on x86-64 and AArch64."
#endif

// The marks of a whole block.
#define BYTES_ALL bytes_first_marks(16)

// The marks of the first count bytes, 0 to 16, of a block.
BYTES_INLINE uint64_t bytes_first_marks(size_t count) {
    size_t bits = count * BYTES_MARK_BITS;
    return bits >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
}

BYTES_INLINE uint64_t bytes_word(const uint8_t *text) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

// A text shorter than a block as one, with zeros behind it. Little-endian, as both processors are.
BYTES_INLINE bytes_block bytes_gather(const uint8_t *text, size_t count) {
    if (count >= 8) {
        // The last eight bytes without those that the first eight have.
        return bytes_pair(bytes_word(text), count == 8 ? 0 : bytes_word(text + count - 8) >> ((16 - count) * 8));
    }
    if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, text, sizeof first);
        memcpy(&last, text + count - 4, sizeof last);
        return bytes_pair(first | (uint64_t)last << ((count - 4) * 8), 0);
    }
    if (count == 0) return bytes_pair(0, 0);
    // Up to three: where there are fewer, they are the same byte twice or thrice, at its own place.
    return bytes_pair(text[0] | (uint64_t)text[count / 2] << (count / 2 * 8) | (uint64_t)text[count - 1] << ((count - 1) * 8), 0);
}

BYTES_INLINE uint64_t bytes_marks_of(bytes_block block, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f) {
    bytes_block ab = bytes_either(bytes_equal_to(block, a), bytes_equal_to(block, b));
    bytes_block cd = bytes_either(bytes_equal_to(block, c), bytes_equal_to(block, d));
    bytes_block ef = bytes_either(bytes_equal_to(block, e), bytes_equal_to(block, f));
    return bytes_marks(bytes_either(bytes_either(ab, cd), ef));
}

// The index of the first byte at or behind from that is one of six; count when there is none. Who seeks fewer names one several times: the compiler
// compares once.
BYTES_INLINE size_t bytes_find(
    const uint8_t *text, size_t count, size_t from, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f) {
    size_t at = from;
    for (; at + 16 <= count; at += 16) {
        uint64_t marks = bytes_marks_of(bytes_load(text + at), a, b, c, d, e, f);
        if (marks) return at + (size_t)__builtin_ctzll(marks) / BYTES_MARK_BITS;
    }
    if (at >= count) return count;
    size_t rest = count - at;
    // What is left as the end of the last sixteen, or as part of a text that is shorter than these.
    uint64_t marks = count >= 16
        ? bytes_marks_of(bytes_load(text + count - 16), a, b, c, d, e, f) >> ((16 - rest) * BYTES_MARK_BITS)
        : (bytes_marks_of(bytes_gather(text, count), a, b, c, d, e, f) & bytes_first_marks(count)) >> (at * BYTES_MARK_BITS);
    return marks ? at + (size_t)__builtin_ctzll(marks) / BYTES_MARK_BITS : count;
}

// Whether two texts of one length are equal byte by byte.
BYTES_INLINE int bytes_same(const uint8_t *a, const uint8_t *b, size_t count) {
    if (count < 16) return bytes_marks(bytes_equal(bytes_gather(a, count), bytes_gather(b, count))) == BYTES_ALL;
    for (size_t at = 0;; at += 16) {
        // The last block may hold some of what the one before it held.
        size_t from = at + 16 <= count ? at : count - 16;
        if (bytes_marks(bytes_equal(bytes_load(a + from), bytes_load(b + from))) != BYTES_ALL) return 0;
        if (at + 16 >= count) return 1;
    }
}

// Whether two texts of one length are equal when ASCII letters are compared without their case.
BYTES_INLINE int bytes_equal_ignoring_case(const uint8_t *a, const uint8_t *b, size_t count) {
    if (count < 16) return bytes_marks(bytes_equal(bytes_lowered(bytes_gather(a, count)), bytes_lowered(bytes_gather(b, count)))) == BYTES_ALL;
    for (size_t at = 0;; at += 16) {
        size_t from = at + 16 <= count ? at : count - 16;
        if (bytes_marks(bytes_equal(bytes_lowered(bytes_load(a + from)), bytes_lowered(bytes_load(b + from)))) != BYTES_ALL) return 0;
        if (at + 16 >= count) return 1;
    }
}

// Whether all are printing characters of ASCII, 0x21 to 0x7e.
BYTES_INLINE int bytes_all_printing(const uint8_t *text, size_t count) {
    if (count < 16) return !(~bytes_marks(bytes_printing(bytes_gather(text, count))) & bytes_first_marks(count));
    for (size_t at = 0;; at += 16) {
        size_t from = at + 16 <= count ? at : count - 16;
        if (bytes_marks(bytes_printing(bytes_load(text + from))) != BYTES_ALL) return 0;
        if (at + 16 >= count) return 1;
    }
}

// The eight hexadecimal digits of a number, in small letters, as they lie in memory.
BYTES_INLINE uint64_t bytes_hex_digits(uint32_t number) {
    // One digit a byte.
    uint64_t digits = number;
    digits = (digits | digits << 16) & 0x0000ffff0000ffff;
    digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
    digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0f;
    // 1 where the digit is a letter, which comes 0x27 behind where a digit would.
    uint64_t letters = ((digits + 0x0606060606060606) >> 4) & 0x0101010101010101;
    return __builtin_bswap64(digits + 0x3030303030303030 + letters * 0x27);
}

#endif
