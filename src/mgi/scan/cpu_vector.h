// Vectors of channels and the few functions of them that the scan needs. One vector holds WIDTH neighbouring channels
// of a channel-last tensor; its size is the machine's. GCC vector extensions throughout; AVX-512 has its own exp2.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

typedef float V __attribute__((vector_size(4 * WIDTH)));
typedef int32_t VI __attribute__((vector_size(4 * WIDTH)));
typedef double VD __attribute__((vector_size(8 * WIDTH), aligned(16)));  // for sums over all of time
// The same in memory at any float's address. A memcpy instead would go through general registers in some compilers.
typedef float VU __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))

INLINE V all(float value) { return value - V{}; }
INLINE V load(const float* p) { return *(const VU*)p; }
INLINE void store(float* p, V v) { *(VU*)p = v; }

// `lanes` < WIDTH at the last channels of a row: the rest reads as zero and is not written.
INLINE V load(const float* p, int lanes) {
    if (lanes == WIDTH) return load(p);
    V v = {};
    for (int i = 0; i < lanes; i++) v[i] = p[i];
    return v;
}
INLINE void store(float* p, V v, int lanes) {
    if (lanes == WIDTH) return store(p, v);
    for (int i = 0; i < lanes; i++) p[i] = v[i];
}

#if WIDTH == 16
INLINE void store_past_cache(float* p, V v) { _mm512_stream_ps(p, (__m512)v); }
#elif WIDTH == 8
INLINE void store_past_cache(float* p, V v) { _mm256_stream_ps(p, (__m256)v); }
#elif defined(__SSE2__)
INLINE void store_past_cache(float* p, V v) { _mm_stream_ps(p, (__m128)v); }
#endif
// Other threads may read what store_past_cache wrote only after this.
INLINE void finish_stores() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

INLINE V smaller(V a, V b) { return a < b ? a : b; }
INLINE V larger(V a, V b) { return a > b ? a : b; }

// Added and taken off again, it leaves the nearest integer (only without -ffast-math).
static const float ROUNDER = 12582912.0f;  // 1.5 * 2^23

// 2^(n + r) for an integer n and r in [-0.5, 0.5]: relative error 3e-9 before rounding, and exactly 1 at 0, where the
// decay of a slow state lies: an error there would be multiplied by the length of its memory.
INLINE V exp2_of_fraction(V r) {
    V p = all(1.53264642e-04f);
    p = p * r + 1.33908063e-03f;
    p = p * r + 9.61850583e-03f;
    p = p * r + 5.55035993e-02f;
    p = p * r + 2.40226477e-01f;
    p = p * r + 6.93147182e-01f;
    return p * r + 1.0f;
}

INLINE V exp2_of(V n, V r) {
    V p = exp2_of_fraction(r);
#if WIDTH == 16
    return (V)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    // Outside the range of a float the result stays at its end: 2^-126 or 2^127.
    n = smaller(larger(n, all(-126.0f)), all(127.0f));
    return (V)((VI)p + ((VI)(n + ROUNDER) << 23));
#endif
}

#if WIDTH == 16
// 2^(i/16), i = 0..15
static const float ROOTS[16] __attribute__((aligned(64))) = {
    1.0f,        1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f, 1.29683955f, 1.35425555f,
    1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f, 1.68179283f, 1.75625216f, 1.83400809f, 1.91520656f};
#endif

// 2^(a b), rounded once: the product is never rounded by itself where there are fused multiply-adds.
// The AVX-512 form looks up 2^(i/16) and needs degree 3 for the rest: two operations less per decay.
INLINE V exp2_product(V a, V b) {
#if WIDTH == 16
    const float sixteenths = 786432.0f;  // 1.5 * 2^19: its last bit is 1/16
    V t = a * b + sixteenths;
    V n = t - sixteenths;
    V r = a * b - n;
    V p = all(5.55041e-02f);
    p = p * r + 2.40226507e-01f;
    p = p * r + 6.93147182e-01f;
    p = p * r + 1.0f;
    V root = (V)_mm512_permutexvar_ps((__m512i)t, _mm512_load_ps(ROOTS));
    return (V)_mm512_scalef_ps((__m512)(root * p), (__m512)n);
#else
    V t = a * b + ROUNDER;
    V n = t - ROUNDER;
    // Beyond 2^23 floats lie further apart than 1, and so may n and the product: what is left of it says nothing then.
    // Bounds come first: with a NaN on the right, both comparisons hand it on.
    V r = larger(all(-0.5f), smaller(all(0.5f), a * b - n));
    V p = exp2_of_fraction(r);
    t = larger(all(ROUNDER - 126.0f), smaller(all(ROUNDER + 127.0f), t));
    return (V)((VI)p + ((VI)t << 23));
#endif
}

// e^x for |x| <= 88; log2(e) in two parts, since x/ln 2 in one float would cost |x| ulps.
INLINE V exp_of(V x) {
    V n = (x * 1.44269502f + ROUNDER) - ROUNDER;
    V r = x * 1.44269502f - n;
    r = x * 1.92596303e-08f + r;
    return exp2_of(n, r);
}

INLINE V magnitude(V x) { return (V)((VI)x & 0x7fffffff); }

struct Softplus {
    V value, slope;
};

// log(1 + e^x) and its derivative, with a relative error near 1e-7 on both tails.
INLINE Softplus softplus_of(V x) {
    V e = exp_of(-smaller(magnitude(x), all(88.0f)));
    V p = all(-3.29100713e-03f);  // log(1 + e) / e on [0, 1]
    p = p * e + 2.00882591e-02f;
    p = p * e - 5.74602671e-02f;
    p = p * e + 1.06613614e-01f;
    p = p * e - 1.53449759e-01f;
    p = p * e + 1.96921214e-01f;
    p = p * e - 2.49580204e-01f;
    p = p * e + 3.33304644e-01f;
    p = p * e - 4.99999315e-01f;
    p = p * e + 1.0f;
    V inverse = 1.0f / (1.0f + e);
    return {larger(V{}, x) + p * e,  // in this order a NaN stays one
            x < 0.0f ? e * inverse : inverse};
}

INLINE V sigmoid_of(V x) { return 1.0f / (1.0f + exp_of(smaller(larger(-x, all(-88.0f)), all(88.0f)))); }

// Numbers below 1e-38 cost a hundred cycles each on many processors, and a state that is fed zeros decays into them.
// They count as zero while one of these lives; the thread's own mode comes back afterwards.
struct NoDenormals {
#if defined(__SSE2__)
    unsigned saved = _mm_getcsr();
    NoDenormals() { _mm_setcsr(saved | 0x8040); }
    ~NoDenormals() { _mm_setcsr(saved); }
#else
    ~NoDenormals() {}
#endif
};

// out[i] = the sum of the lanes of rows[i], for four rows of one vector each; always in the same order.
INLINE void sum_lanes_of_four(const float* rows, float* out) {
#if defined(__AVX512F__) && WIDTH == 16
    __m512 a = _mm512_load_ps(rows), b = _mm512_load_ps(rows + 16);
    __m512 c = _mm512_load_ps(rows + 32), d = _mm512_load_ps(rows + 48);
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    __m512 all = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
#elif defined(__AVX__) && WIDTH == 8
    __m256 a = _mm256_load_ps(rows), b = _mm256_load_ps(rows + 8);
    __m256 c = _mm256_load_ps(rows + 16), d = _mm256_load_ps(rows + 24);
    __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    __m256 all = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
#else
    for (int i = 0; i < 4; i++) {
        float sum = 0;
        for (int lane = 0; lane < WIDTH; lane++) sum += rows[i * WIDTH + lane];
        out[i] = sum;
    }
#endif
}
