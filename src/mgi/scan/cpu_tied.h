// Tied decays: those of a channel's N states are the powers 1 to N of one number, so one exponential makes all of them.
#pragma once
#include "cpu_vector.h"

namespace {

// base^(from + 1), base^(from + 2), ...; `from` is a multiple of 4. Products form a tree, so that errors do not pile up.
struct Powers {
    V first[8], eighth;
    INLINE_MEMBER Powers(V base, int from) {
        const V two = base * base, four = two * two;
        V shift = all(1.0f);
        eighth = four * four;
        for (int k = 8; k <= from; k += 8) shift *= eighth;
        if (from & 4) shift *= four;
        const V three = two * base;
        first[0] = base * shift, first[1] = two * shift, first[2] = three * shift, first[3] = four * shift;
        for (int k = 0; k < 4; k++) first[4 + k] = first[k] * four;
    }
    INLINE_MEMBER V of(int k) const { return k < 8 ? first[k] : first[k - 8] * eighth; }
};

}  // namespace
