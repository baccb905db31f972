"""The gradients of the GPU selective scan in Triton; letters and layout as in `triton_kernels`.

A program walks over its tiles from the last to the first. The states of a tile are computed again from the one before
it, which the forward pass saved, as it did y before its gate. Nothing is added by atomics: a block of channels writes
its share of the gradients of B and C (blocks, B, L padded, N, 2), a chunk its share of those of A, D and the bias, and
the shares are added in order.
"""

import triton
import triton.language as tl

from mgi.scan.triton_kernels import (
    advance,
    place,
    put,
    read,
    read_bc,
    retreat,
    row,
    sigmoid,
    state_index,
    step_size,
    ungate,
)


@triton.jit
def put_states(ptr, values, e0, E, G: tl.constexpr, J: tl.constexpr, S: tl.constexpr):
    """All states of a program, J of (1, G, S), into (N, E)."""
    for j in tl.static_range(J):
        inside, there = state_index(e0, j, E, G, J, S)
        tl.store(ptr + inside, values[j], there)


@triton.jit
def high(x):
    """What of a float32 a tensor core reads (tf32: 10 bits of fraction); x - high(x) is exact."""
    return (x.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)


@triton.jit
def add_over_channels(x, total, to, T: tl.constexpr, G: tl.constexpr, S: tl.constexpr, WIDE: tl.constexpr):
    """Adds x (T, G, S), summed over S, to column `to` of a total (T G, 16).

    Added by the tensor cores, as a product with ones: shuffles between lanes would cost more than everything else in
    this pass. They cut a float32 to 10 bits of fraction, which is enough where B and C are bfloat16 (7 bits); with WIDE
    what was cut off is added as well, and 21 bits count.
    """
    x = tl.reshape(x, (T * G, S))
    ones = (tl.broadcast_to(tl.arange(0, 16)[None, :], (S, 16)) == to).to(tl.float32)
    if WIDE:
        total = tl.dot(x - high(x), ones, total, input_precision="tf32")
        x = high(x)
    return tl.dot(x, ones, total, input_precision="tf32")


@triton.jit
def put_share(dbc, total, batch, tile, j, tiles, T: tl.constexpr, G: tl.constexpr, J: tl.constexpr):
    """This block of channels' share of dB and dC of a tile's tokens and the j-th state of every group."""
    block = (tl.program_id(0) * tl.num_programs(1) + batch).to(tl.int64)
    start = dbc + (block * tiles + tile) * (T * G * J * 2)
    row, column = tl.arange(0, T * G)[:, None], tl.arange(0, 16)[None, :]
    tl.store(start + (row * J + j) * 2 + column, total, (column < 2) & (row >= 0))


@triton.jit
def state_gradients(
    decay, x3, dy3, dt3, B3, C3, rate, before, handed,
    T: tl.constexpr, G: tl.constexpr, S: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """For one state of every group: du's and ddt's part, dA (1, G, S), dB and dC (T G, 16), and what is handed on.

    ddt's part lacks ln 2, since `rate` is A log2(e).
    """
    drive = x3 * B3
    h = advance(decay, drive, before, T)
    total = add_over_channels(h * dy3, tl.zeros((T * G, 16), tl.float32), 1, T, G, S, WIDE)
    decayed = h - drive
    back, g = retreat(decay, dy3 * C3, handed, T)
    total = add_over_channels(g * x3, total, 0, T, G, S, WIDE)
    pulled = g * decayed
    return g * B3, pulled * rate, tl.sum(pulled * dt3, 0, keep_dims=True), total, row(back, 0, T)


@triton.jit
def backward_kernel(
    u, delta, z, gradient, bc, a2, D, bias, ungated, saved, starts, du, ddelta, dz, dbc, dA, dD, dbias,
    ub, ul, db, dl, zb, zl, gb, gl, L, E, tiles, chunk,
    T: tl.constexpr, G: tl.constexpr, J: tl.constexpr, S: tl.constexpr, WIDE: tl.constexpr,
    SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr, HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr,
    STARTS: tl.constexpr,
):  # fmt: skip
    """All gradients. `starts` (B, chunks, N, E) holds what the chunk after it hands to a chunk."""
    e0, batch, part = tl.program_id(0) * S, tl.program_id(1), tl.program_id(2)
    place_of = batch.to(tl.int64) * tl.num_programs(2) + part
    channels = e0 + tl.arange(0, S)
    D_row = tl.load(D + channels, channels < E, 0.0)[None, :] if HAS_D else 0.0
    bias_row = tl.load(bias + channels, channels < E, 0.0)[None, :] if HAS_BIAS else 0.0
    rate, handed, dA_sum = (), (), ()
    for j in tl.static_range(J):
        inside, there = state_index(e0, j, E, G, J, S)
        rate = rate + (tl.load(a2 + inside, there, 0.0),)
        zero = tl.zeros((1, G, S), tl.float32)
        handed = handed + (tl.load(starts + place_of * (G * J) * E + inside, there, 0.0) if STARTS else zero,)
        dA_sum = dA_sum + (zero,)
    dD_sum, dbias_sum = tl.zeros((T, S), tl.float32), tl.zeros((T, S), tl.float32)
    begin, end = part * chunk, tl.minimum(part * chunk + chunk, tiles)
    for step in tl.range(begin, end):
        tile = begin + end - 1 - step
        first, tokens, columns, exists = place(tile, e0, L, E, T, S, REVERSE)
        u_tile = read(u, batch, first, tokens, columns, ub, ul, exists)
        dt = read(delta, batch, first, tokens, columns, db, dl, exists)
        dt = step_size(dt + bias_row, u_tile, exists, SOFTPLUS)
        dy = ungate(gradient, z, batch, first, tokens, columns, gb, gl, zb, zl, exists, HAS_Z)
        x3, dt3, dy3 = (dt * u_tile)[:, None, :], dt[:, None, :], dy[:, None, :]
        du_sum, ddt_sum, hand, dA_new = tl.zeros((T, G, S), tl.float32), tl.zeros((T, G, S), tl.float32), (), ()
        for j in tl.static_range(J):
            inside, there = state_index(e0, j, E, G, J, S)
            before = tl.load(saved + (batch.to(tl.int64) * tiles + tile) * (G * J) * E + inside, there, 0.0)
            B3, C3 = read_bc(bc, batch, tile, j, tiles, T, G, J, WIDE)
            du_part, ddt_part, dA_part, total, back = state_gradients(
                tl.exp2(dt3 * rate[j]), x3, dy3, dt3, B3, C3, rate[j], before, handed[j], T, G, S, WIDE
            )
            du_sum, ddt_sum = du_sum + du_part, ddt_sum + ddt_part
            dA_new, hand = dA_new + (dA_sum[j] + dA_part,), hand + (back,)
            put_share(dbc, total, batch, tile, j, tiles, T, G, J)
        handed, dA_sum = hand, dA_new
        # Read again: to hold them meanwhile would take registers from the states.
        raw = read(delta, batch, first, tokens, columns, db, dl, exists) + bias_row
        dy = ungate(gradient, z, batch, first, tokens, columns, gb, gl, zb, zl, exists, HAS_Z)
        dt, du_2 = step_size(raw, u_tile, exists, SOFTPLUS), tl.sum(du_sum, 1)
        put(du, dt * du_2 + D_row * dy, batch, first, tokens, columns, L, E, exists)
        ddt = u_tile * du_2 + 0.6931471805599453 * tl.sum(ddt_sum, 1)
        ddt = tl.where(exists, ddt * sigmoid(raw) if SOFTPLUS else ddt, 0.0)
        put(ddelta, ddt, batch, first, tokens, columns, L, E, exists)
        dbias_sum, dD_sum = dbias_sum + ddt, dD_sum + dy * u_tile
        if HAS_Z:
            z_tile = read(z, batch, first, tokens, columns, zb, zl, exists)
            y = read(ungated, batch, first, tokens, columns, L * E, E, exists)
            slope = sigmoid(z_tile) * (1.0 + z_tile * (1.0 - sigmoid(z_tile)))
            dout = read(gradient, batch, first, tokens, columns, gb, gl, exists)
            put(dz, dout * y * slope, batch, first, tokens, columns, L, E, exists)
    put_states(dA + place_of * (G * J) * E, dA_sum, e0, E, G, J, S)
    tl.store(dD + place_of * E + channels, tl.sum(dD_sum, 0), channels < E)
    tl.store(dbias + place_of * E + channels, tl.sum(dbias_sum, 0), channels < E)
