"""The GPU selective scan's forward kernels in Triton; `triton_scan` launches them, `triton_backward` holds the adjoint.

B batch, L tokens, E inner width, N state size padded to a power of two, T tokens of a tile, S channels of a tile,
G groups of states, J states of a group (N = G J). One program owns S channels of one sequence and walks over its
tiles. The states of a tile are (T, G, S) for each of J: lanes along the channels, warps along the groups and tokens
in registers, so that the recurrence never leaves a thread. What belongs to a token and a channel alone (softplus,
gate, loads, stores) is done once, spread over all warps, and reaches the states through shared memory.

`bc` holds B and C of a token and a state side by side in one word, in the order in which the scan meets the tokens:
(B, L padded to whole tiles, N). One load serves both, and all lanes of a warp.
Decays are powers of two: `a2` is A log2(e), transposed, (N, E).
"""

import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def recurrence(decay, drive, next_decay, next_drive):
    """h -> decay h + drive, then the next one."""
    return decay * next_decay, next_decay * drive + next_drive


@triton.jit
def unpack(word, WIDE: tl.constexpr):
    """B and C of a word: two float32 in 64 bits, or two bfloat16 in 32."""
    if WIDE:
        return (word & 0xFFFFFFFF).to(tl.int32).to(tl.float32, bitcast=True), (word >> 32).to(tl.int32).to(
            tl.float32, bitcast=True
        )
    return (word << 16).to(tl.float32, bitcast=True), (word & -65536).to(tl.float32, bitcast=True)


@triton.jit
def softplus(x):
    """log(1 + exp(x)), to float32's last bits where it is small: what 1 + exp(x) rounded away is added."""
    grown = tl.exp2(x * LOG2E)
    sum_ = 1.0 + grown
    return tl.where(x > 20.0, x, tl.log(sum_) + (grown - (sum_ - 1.0)))


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + tl.exp2(-x * LOG2E))


@triton.jit
def place(tile, e0, L, E, T: tl.constexpr, S: tl.constexpr, REVERSE: tl.constexpr):
    """First token of a tile in memory, tokens relative to it (T, 1), channels (1, S), and which of (T, S) exist."""
    r = tl.arange(0, T)
    e = e0 + tl.arange(0, S)
    exists = (tile * T + r < L)[:, None] & (e < E)[None, :]
    if REVERSE:
        return L - 1 - tile * T, -r[:, None], e[None, :], exists
    return tile * T, r[:, None], e[None, :], exists


@triton.jit
def read(ptr, batch, first, tokens, channels, stride_b, stride_l, exists):
    """A (T, S) tile as float32, zero where nothing exists; 64-bit only where a tensor can pass 2^31."""
    start = ptr + batch.to(tl.int64) * stride_b + tl.cast(first, tl.int64) * stride_l
    return tl.load(start + tokens * stride_l + channels, exists, 0.0).to(tl.float32)


@triton.jit
def put(ptr, value, batch, first, tokens, columns, L, E, exists):
    """A tile (T, S) into a contiguous (B, L, E)."""
    start = ptr + (batch.to(tl.int64) * L + first) * E
    tl.store(start + tokens * E + columns, value.to(ptr.dtype.element_ty), exists)


@triton.jit
def step_size(raw, u, exists, SOFTPLUS: tl.constexpr):
    """dt (T, S), zero past the end, where the recurrence then keeps its state.

    The zero is u's: a value that hangs on two loads is not recomputed by every warp, which the compiler would do else.
    """
    if SOFTPLUS:
        raw = softplus(raw)
    return tl.where(exists, raw, u)


@triton.jit
def state_index(e0, j, E, G: tl.constexpr, J: tl.constexpr, S: tl.constexpr):
    """Offsets into (N, E) of the j-th state of every group, (1, G, S), and which of them exist."""
    e = e0 + tl.arange(0, S)[None, None, :]
    n = tl.arange(0, G)[None, :, None] * J + j
    return n * E + e, (e < E) & (n >= 0)


@triton.jit
def read_bc(bc, batch, tile, j, tiles, T: tl.constexpr, G: tl.constexpr, J: tl.constexpr, WIDE: tl.constexpr):
    """B and C of the j-th state of every group, (T, G, 1)."""
    start = bc + (batch.to(tl.int64) * tiles + tile) * (T * G * J) + j
    word = tl.load(start + tl.arange(0, T)[:, None] * (G * J) + tl.arange(0, G)[None, :] * J)
    B, C = unpack(word, WIDE)
    return B[:, :, None], C[:, :, None]


@triton.jit
def advance(decay, drive, state, T: tl.constexpr):
    """The states of a tile (T, G, S) from the one before it (1, G, S)."""
    first = (tl.arange(0, T) == 0)[:, None, None]
    drive = tl.where(first, decay * state + drive, drive)
    return tl.associative_scan((decay, drive), 0, recurrence)[1]


@triton.jit
def adjoint(decay, drive, shift, pull, next_decay, next_drive, next_shift, next_pull):
    """Backwards in time: s -> decay s + drive is what a token hands on, shift s + pull the gradient of its state."""
    return (decay * next_decay, next_decay * drive + next_drive, next_shift * decay, next_shift * drive + next_pull)


@triton.jit
def retreat(decay, pull, state, T: tl.constexpr):
    """decay g and g, both (T, G, S), g being the gradient of a token's state; `state` (1, G, S) is handed to the tile.

    g_t = pull_t + decay_(t+1) g_(t+1). The constant one makes the combination associative, and costs nothing.
    """
    pull = tl.where((tl.arange(0, T) == T - 1)[:, None, None], pull + state, pull)
    one = tl.full(pull.shape, 1.0, tl.float32)
    # Flipped in registers, which costs nothing: `reverse=True` would swap the lanes of the warp to and fro.
    decay, pull = tl.flip(decay, 0), tl.flip(pull, 0)
    scanned = tl.associative_scan((decay, decay * pull, one, pull), 0, adjoint)
    return tl.flip(scanned[1], 0), tl.flip(scanned[3], 0)


@triton.jit
def row(tile, index: tl.constexpr, T: tl.constexpr):
    """One token (1, G, S) of a tile (T, G, S): free, since tokens lie in registers."""
    return tl.sum(tl.where((tl.arange(0, T) == index)[:, None, None], tile, 0.0), 0, keep_dims=True)


@triton.jit
def forward_kernel(
    u, delta, z, bc, a2, D, bias, y, ungated, starts, saved, ub, ul, db, dl, zb, zl, L, E, tiles, chunk,
    T: tl.constexpr, G: tl.constexpr, J: tl.constexpr, S: tl.constexpr, WIDE: tl.constexpr,
    SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr, HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr,
    STARTS: tl.constexpr, SAVE: tl.constexpr,
):  # fmt: skip
    """y, and with SAVE what the gradients need: the state before every tile, and y before its gate.

    `starts` (B, chunks, N, E) holds the state before every chunk."""
    e0, batch, part = tl.program_id(0) * S, tl.program_id(1), tl.program_id(2)
    channels = e0 + tl.arange(0, S)
    D_row = tl.load(D + channels, channels < E, 0.0)[None, :] if HAS_D else 0.0
    bias_row = tl.load(bias + channels, channels < E, 0.0)[None, :] if HAS_BIAS else 0.0
    rate, state = (), ()
    for j in tl.static_range(J):
        inside, there = state_index(e0, j, E, G, J, S)
        rate = rate + (tl.load(a2 + inside, there, 0.0),)
        if STARTS:
            start = starts + (batch.to(tl.int64) * tl.num_programs(2) + part) * (G * J) * E
            state = state + (tl.load(start + inside, there, 0.0),)
        else:
            state = state + (tl.zeros((1, G, S), tl.float32),)
    for tile in tl.range(part * chunk, tl.minimum(part * chunk + chunk, tiles)):
        first, tokens, columns, exists = place(tile, e0, L, E, T, S, REVERSE)
        u_tile = read(u, batch, first, tokens, columns, ub, ul, exists)
        dt = read(delta, batch, first, tokens, columns, db, dl, exists)
        dt = step_size(dt + bias_row, u_tile, exists, SOFTPLUS)
        x3 = (dt * u_tile)[:, None, :]
        dt3 = dt[:, None, :]
        total = tl.zeros((T, G, S), tl.float32)
        after = ()
        for j in tl.static_range(J):
            if SAVE:
                inside, there = state_index(e0, j, E, G, J, S)
                tl.store(saved + (batch.to(tl.int64) * tiles + tile) * (G * J) * E + inside, state[j], there)
            B3, C3 = read_bc(bc, batch, tile, j, tiles, T, G, J, WIDE)
            h = advance(tl.exp2(dt3 * rate[j]), x3 * B3, state[j], T)
            total += h * C3
            after = after + (row(h, T - 1, T),)
        state = after
        out = tl.sum(total, 1) + D_row * u_tile
        if HAS_Z:
            if SAVE:
                put(ungated, out, batch, first, tokens, columns, L, E, exists)
            z_tile = read(z, batch, first, tokens, columns, zb, zl, exists)
            out = out * z_tile * sigmoid(z_tile)
        put(y, out, batch, first, tokens, columns, L, E, exists)


@triton.jit
def ungate(gradient, z, batch, first, tokens, columns, gb, gl, zb, zl, exists, HAS_Z: tl.constexpr):  # fmt: skip
    """The gradient of y before its gate, (T, S)."""
    dy = read(gradient, batch, first, tokens, columns, gb, gl, exists)
    if HAS_Z:
        z_tile = read(z, batch, first, tokens, columns, zb, zl, exists)
        dy = dy * z_tile * sigmoid(z_tile)
    return dy


@triton.jit
def ends_kernel(
    u, delta, z, gradient, bc, a2, bias, ends, steps, ub, ul, db, dl, zb, zl, gb, gl, L, E, tiles, chunk,
    T: tl.constexpr, G: tl.constexpr, J: tl.constexpr, S: tl.constexpr, WIDE: tl.constexpr,
    SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, ADJOINT: tl.constexpr,
):  # fmt: skip
    """What a chunk adds to a state that passes through it, (B, chunks, N, E), and its sum of dt, (B, chunks, E).

    With ADJOINT the state is the gradient's, which passes through the chunks from the last to the first.
    """
    e0, batch, part = tl.program_id(0) * S, tl.program_id(1), tl.program_id(2)
    channels = e0 + tl.arange(0, S)
    bias_row = tl.load(bias + channels, channels < E, 0.0)[None, :] if HAS_BIAS else 0.0
    rate, state = (), ()
    for j in tl.static_range(J):
        inside, there = state_index(e0, j, E, G, J, S)
        rate = rate + (tl.load(a2 + inside, there, 0.0),)
        state = state + (tl.zeros((1, G, S), tl.float32),)
    passed = tl.zeros((T, S), tl.float32)
    begin, end = part * chunk, tl.minimum(part * chunk + chunk, tiles)
    for step in tl.range(begin, end):
        tile = begin + end - 1 - step if ADJOINT else step
        first, tokens, columns, exists = place(tile, e0, L, E, T, S, REVERSE)
        u_tile = read(u, batch, first, tokens, columns, ub, ul, exists)
        dt = read(delta, batch, first, tokens, columns, db, dl, exists)
        dt = step_size(dt + bias_row, u_tile, exists, SOFTPLUS)
        passed += dt
        if ADJOINT:
            drive2 = ungate(gradient, z, batch, first, tokens, columns, gb, gl, zb, zl, exists, HAS_Z)
        else:
            drive2 = dt * u_tile
        after = ()
        for j in tl.static_range(J):
            B3, C3 = read_bc(bc, batch, tile, j, tiles, T, G, J, WIDE)
            decay = tl.exp2(dt[:, None, :] * rate[j])
            if ADJOINT:
                after = after + (row(retreat(decay, drive2[:, None, :] * C3, state[j], T)[0], 0, T),)
            else:
                after = after + (row(advance(decay, drive2[:, None, :] * B3, state[j], T), T - 1, T),)
        state = after
    place_of = batch.to(tl.int64) * tl.num_programs(2) + part
    for j in tl.static_range(J):
        inside, there = state_index(e0, j, E, G, J, S)
        tl.store(ends + place_of * (G * J) * E + inside, state[j], there)
    tl.store(steps + place_of * E + channels, tl.sum(passed, 0), channels < E)


@triton.jit
def carry_kernel(ends, steps, a2, starts, chunks, N, E, S: tl.constexpr, ADJOINT: tl.constexpr):
    """The state that enters every chunk, (B, chunks, N, E), from what each adds and how much each lets through."""
    e = tl.program_id(0) * S + tl.arange(0, S)
    n, batch = tl.program_id(1), tl.program_id(2).to(tl.int64)
    rate = tl.load(a2 + n * E + e, e < E, 0.0)
    state = tl.zeros((S,), tl.float32)
    for step in tl.range(chunks):
        part = chunks - 1 - step if ADJOINT else step
        here = (batch * chunks + part) * N + n
        tl.store(starts + here * E + e, state, e < E)
        decay = tl.exp2(rate * tl.load(steps + (batch * chunks + part) * E + e, e < E, 0.0))
        state = decay * state + tl.load(ends + here * E + e, e < E, 0.0)
