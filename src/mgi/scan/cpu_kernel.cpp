// The selective scan, forward and backward, channel-last, fused with softplus, skip and gate. Called through ctypes.
//
// A vector holds WIDTH channels; N states of each stay in registers while time runs, B_t and C_t are broadcast. Time is
// cut into chunks; forward keeps the state before each chunk, backward walks the chunks from the end and runs each one
// forward again. All channels of a group take their turn within one chunk, so that its rows of B and C stay in cache.
// A group of channels of one sample is the unit of work. Backward's groups depend on the shapes only, and every sum is
// taken inside one unit or over units in order: the result is the same, bit for bit, for any number of threads.
#include "cpu_backward.h"
#include "cpu_conv.h"
#include "cpu_forward.h"

namespace {

// dB, dC and the gradient of a low-rank delta: the groups' parts, added in order.
void add_groups(const ScanArgs& a, const Shape& s, int64_t from, int64_t to) {
    const int64_t rows = a.batch * a.length;
    for (int64_t row = from; row < to; row++)
        for (int64_t n = 0; n < a.states; n++) {
            float B = 0, C = 0;
            for (int64_t group = 0; group < s.groups; group++) {
                B += a.partial[(group * rows + row) * s.states + n];
                C += a.partial[((s.groups + group) * rows + row) * s.states + n];
            }
            a.dB.data[row * a.states + n] = B;
            a.dC.data[row * a.states + n] = C;
        }
    for (int64_t row = from; row < to; row++)
        for (int64_t r = 0; r < a.rank; r++) {
            float sum = 0;
            for (int64_t group = 0; group < s.groups; group++) sum += a.partial_low[(group * rows + row) * s.ranks + r];
            a.ddelta.data[row * a.rank + r] = sum;
        }
}

}  // namespace

extern "C" {

int64_t saved_floats(const ScanArgs* a) {
    Shape s(*a);
    return a->batch * s.chunks * s.blocks * s.states * WIDTH;
}

int64_t partial_groups(const ScanArgs* a) { return Shape(*a).groups; }

void scan_forward(const ScanArgs* args) {
    const ScanArgs& a = *args;
    Shape s(a);
    s.widen(a);
    want_large_pages(a.y.data, a.batch * a.length * a.channels);
    want_large_pages(a.saved, saved_floats(args));
#pragma omp parallel num_threads(int(a.threads))
    {
        NoDenormals mode;
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) forward_group(a, s, unit);
        finish_stores();
    }
}

void scan_backward(const ScanArgs* args) {
    const ScanArgs& a = *args;
    const Shape s(a);
    for (float* data : {a.du.data, a.rank ? nullptr : a.ddelta.data, a.dz.data}) want_large_pages(data, a.batch * a.length * a.channels);
    want_large_pages(a.partial, 2 * s.groups * a.batch * a.length * s.states);
#pragma omp parallel num_threads(int(a.threads))
    {
        NoDenormals mode;
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) backward_group(a, s, unit);
        finish_stores();
        const int64_t span = 1024;
#pragma omp for schedule(dynamic)
        for (int64_t from = 0; from < (s.groups > 1 ? a.batch * a.length : 0); from += span)
            add_groups(a, s, from, std::min(from + span, a.batch * a.length));
    }
}
}
