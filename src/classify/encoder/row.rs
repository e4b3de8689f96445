//! What stands between two matrix products, row by row while the row is in the first cache: written once over
//! `rten-simd`, which picks AVX-512, AVX2, NEON or plain code when it runs. Lengths are multiples of [`LANES`].

use rten_simd::ops::{BitOps, FloatOps, NarrowSaturate, NumOps, ToFloat};
use rten_simd::{Isa, Simd, SimdOp, SimdUnaryOp};
use rten_vecmath::{Gelu, Softmax};

/// Every row is a multiple of it: the widest vector of 8-bit numbers, 64 of them in AVX-512.
pub const LANES: usize = 64;

/// What a matrix product left: numbers, or integers still to be scaled.
#[derive(Clone, Copy)]
pub enum Product<'a> {
    Float(&'a [f32]),
    /// `sums * scale of the row * scale of the column - shift of the row * total of the column` is the number.
    Int {
        sums: &'a [i32],
        scale: &'a [f32],
        shift: &'a [f32],
        columns: &'a Columns,
    },
}

/// What the columns of 8-bit weights bring to each number of theirs.
pub struct Columns {
    pub scale: Vec<f32>,
    /// The sum of a column's weights, times its scale: what the zero of a row has to be taken out by.
    pub total: Vec<f32>,
}

/// Rows of 8-bit integers: `value * scale - shift` is the number. Every row, that is every token, has a scale of its
/// own, so a post's score does not hang on the posts beside it.
pub struct Bytes<'a> {
    pub values: &'a mut [u8],
    pub scale: &'a mut [f32],
    pub shift: &'a mut [f32],
    /// The largest value used: 255, or 127 where a product would overflow 16 bits on the way.
    pub top: u8,
}

// No closure stands around vector code here: it would be compiled without the processor's wide instructions.
#[inline(always)]
fn add<I: Isa>(isa: I, x: I::F32, bias: &[f32], gelu: bool) -> I::F32 {
    let ops = isa.f32();
    let x = ops.add(x, ops.load(bias));
    if gelu { Gelu {}.eval(isa, x) } else { x }
}

#[inline(always)]
fn finish<I: Isa>(isa: I, product: Product, row: usize, bias: &[f32], out: &mut [f32], gelu: bool) {
    let ops = isa.f32();
    let width = bias.len();
    let lanes = ops.len();
    let chunks = out.chunks_exact_mut(lanes).zip(bias.chunks_exact(lanes));
    match product {
        Product::Float(values) => {
            let values = values[row * width..][..width].chunks_exact(lanes);
            for ((out, bias), value) in chunks.zip(values) {
                ops.store(add(isa, ops.load(value), bias, gelu), out);
            }
        }
        Product::Int { sums, scale, shift, columns } => {
            let (scale, shift) = (ops.splat(scale[row]), ops.splat(shift[row]));
            let sums = sums[row * width..][..width].chunks_exact(lanes);
            let columns = columns.scale.chunks_exact(lanes).zip(columns.total.chunks_exact(lanes));
            for (((out, bias), sum), (column, total)) in chunks.zip(sums).zip(columns) {
                let sum = ops.mul(isa.i32().to_float(isa.i32().load(sum)), scale);
                let x = ops.mul_sub_from(shift, ops.load(total), ops.mul(sum, ops.load(column)));
                ops.store(add(isa, x, bias, gelu), out);
            }
        }
    }
}

#[inline(always)]
fn quantise<I: Isa>(isa: I, x: &[f32], row: usize, bytes: &mut Bytes) {
    let ops = isa.f32();
    let ints = isa.i32();
    let lanes = ops.len();
    let (mut low, mut high) = ([ops.zero(); 4], [ops.zero(); 4]);
    for chunk in x.chunks_exact(4 * lanes) {
        for (k, chunk) in chunk.chunks_exact(lanes).enumerate() {
            let x = ops.load(chunk);
            low[k] = ops.min(low[k], x);
            high[k] = ops.max(high[k], x);
        }
    }
    let low = ops.min(ops.min(low[0], low[1]), ops.min(low[2], low[3]));
    let high = ops.max(ops.max(high[0], high[1]), ops.max(high[2], high[3]));
    let low = low.to_array().into_iter().fold(0., f32::min);
    let high = high.to_array().into_iter().fold(0., f32::max);
    let top = f32::from(bytes.top);
    let scale = ((high - low) / top).max(f32::MIN_POSITIVE);
    let zero = (-low / scale).round();
    bytes.scale[row] = scale;
    bytes.shift[row] = zero * scale;
    let inverse = ops.splat(1. / scale);
    let zero = ints.splat(zero as i32);
    let most = ints.splat(i32::from(bytes.top));
    let out = &mut bytes.values[row * x.len()..][..x.len()];
    for (x, out) in x.chunks_exact(4 * lanes).zip(out.chunks_exact_mut(4 * lanes)) {
        let mut q = [zero; 4];
        for (q, x) in q.iter_mut().zip(x.chunks_exact(lanes)) {
            *q = ints.min(ints.add(ops.to_int_round(ops.mul(ops.load(x), inverse)), zero), most);
        }
        let low = ints.narrow_saturate(q[0], q[1]);
        let high = ints.narrow_saturate(q[2], q[3]);
        isa.u8().store(isa.i16().narrow_saturate(low, high), out);
    }
}

/// `product + bias`.
pub struct Biased<'a> {
    pub product: Product<'a>,
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
}

impl SimdOp for Biased<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        for (row, out) in self.out.chunks_exact_mut(self.bias.len()).enumerate() {
            finish(isa, self.product, row, self.bias, out, false);
        }
    }
}

/// `gelu(product + bias)`, as bytes where they are wanted: then `out` need hold one row only.
pub struct BiasedGelu<'a> {
    pub product: Product<'a>,
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    pub bytes: Option<Bytes<'a>>,
}

impl SimdOp for BiasedGelu<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let width = self.bias.len();
        match self.bytes {
            None => {
                for (row, out) in self.out.chunks_exact_mut(width).enumerate() {
                    finish(isa, self.product, row, self.bias, out, true);
                }
            }
            Some(mut bytes) => {
                let out = &mut self.out[..width];
                for row in 0..bytes.scale.len() {
                    finish(isa, self.product, row, self.bias, out, true);
                    quantise(isa, out, row, &mut bytes);
                }
            }
        }
    }
}

/// Rows as bytes.
pub struct Quantised<'a> {
    pub rows: &'a [f32],
    pub bytes: Bytes<'a>,
}

impl SimdOp for Quantised<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let width = self.rows.len() / self.bytes.scale.len();
        for (row, x) in self.rows.chunks_exact(width).enumerate() {
            quantise(isa, x, row, &mut self.bytes);
        }
    }
}

/// `x = normalised(x + product + bias) * weight + shift`, and the same as bytes.
pub struct Normalised<'a> {
    pub x: &'a mut [f32],
    pub product: Option<(Product<'a>, &'a [f32])>,
    pub weight: &'a [f32],
    pub shift: &'a [f32],
    pub bytes: Option<Bytes<'a>>,
    /// Room for one row.
    pub room: &'a mut [f32],
}

impl SimdOp for Normalised<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        let ops = isa.f32();
        let (width, lanes) = (self.weight.len(), ops.len());
        let room = &mut self.room[..width];
        for (row, x) in self.x.chunks_exact_mut(width).enumerate() {
            let mut sum = ops.zero();
            if let Some((product, bias)) = self.product {
                finish(isa, product, row, bias, room, false);
                for (x, add) in x.chunks_exact_mut(lanes).zip(room.chunks_exact(lanes)) {
                    let value = ops.add(ops.load(x), ops.load(add));
                    sum = ops.add(sum, value);
                    ops.store(value, x);
                }
            } else {
                for x in x.chunks_exact(lanes) {
                    sum = ops.add(sum, ops.load(x));
                }
            }
            let mean = ops.splat(ops.sum(sum) / width as f32);
            let mut squares = ops.zero();
            for x in x.chunks_exact(lanes) {
                let off = ops.sub(ops.load(x), mean);
                squares = ops.mul_add(off, off, squares);
            }
            let scale = ops.splat((ops.sum(squares) / width as f32 + EPSILON).sqrt().recip());
            let parts = self.weight.chunks_exact(lanes).zip(self.shift.chunks_exact(lanes));
            for (x, (weight, shift)) in x.chunks_exact_mut(lanes).zip(parts) {
                let off = ops.mul(ops.sub(ops.load(x), mean), scale);
                ops.store(ops.mul_add(off, ops.load(weight), ops.load(shift)), x);
            }
            if let Some(bytes) = &mut self.bytes {
                quantise(isa, x, row, bytes);
            }
        }
    }
}

/// What keeps a constant row from dividing by nothing (BERT's own).
const EPSILON: f32 = 1e-12;

/// Attention of one post over itself, all heads.
pub struct Attention<'a> {
    /// Query, key and value of each token side by side: `[tokens, 3 * heads * SIDE]`. The query is scaled already.
    pub qkv: &'a [f32],
    /// `[tokens, heads * SIDE]`.
    pub out: &'a mut [f32],
    pub heads: usize,
    /// Room for `SIDE` and `BLOCK` rows of `tokens` rounded up to `LANES`.
    pub room: &'a mut [f32],
}

/// Numbers of a head.
pub const SIDE: usize = 32;
/// Query rows worked on at once: each key and value loaded serves all of them.
pub const BLOCK: usize = 4;

impl SimdOp for Attention<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ops = isa.f32();
        let lanes = ops.len();
        let width = self.heads * SIDE;
        let tokens = self.out.len() / width;
        let wide = tokens.next_multiple_of(lanes);
        let (keys, scores) = self.room.split_at_mut(SIDE * wide);
        keys.fill(0.);
        for head in 0..self.heads {
            for (t, row) in self.qkv.chunks_exact(3 * width).enumerate() {
                for (d, key) in row[width + head * SIDE..][..SIDE].iter().enumerate() {
                    keys[d * wide + t] = *key;
                }
            }
            for first in (0..tokens).step_by(BLOCK) {
                let rows: [usize; BLOCK] = std::array::from_fn(|k| (first + k).min(tokens - 1));
                let query = rows.map(|t| &self.qkv[t * 3 * width + head * SIDE..][..SIDE]);
                for at in (0..wide).step_by(lanes) {
                    let mut sums = [ops.zero(); BLOCK];
                    for d in 0..SIDE {
                        let key = ops.load(&keys[d * wide + at..][..lanes]);
                        for k in 0..BLOCK {
                            sums[k] = ops.mul_add(ops.splat(query[k][d]), key, sums[k]);
                        }
                    }
                    for (k, sum) in sums.into_iter().enumerate() {
                        ops.store(sum, &mut scores[k * wide + at..][..lanes]);
                    }
                }
                for row in scores.chunks_exact_mut(wide).take(BLOCK) {
                    Softmax::new_mut(&mut row[..tokens]).eval(isa);
                }
                let seen: [&[f32]; BLOCK] = std::array::from_fn(|k| &scores[k * wide..][..tokens]);
                for at in (0..SIDE).step_by(lanes) {
                    let mut sums = [ops.zero(); BLOCK];
                    for (t, row) in self.qkv.chunks_exact(3 * width).enumerate() {
                        let value = ops.load(&row[2 * width + head * SIDE + at..][..lanes]);
                        for k in 0..BLOCK {
                            sums[k] = ops.mul_add(ops.splat(seen[k][t]), value, sums[k]);
                        }
                    }
                    for (k, sum) in sums.into_iter().enumerate() {
                        ops.store(sum, &mut self.out[rows[k] * width + head * SIDE + at..][..lanes]);
                    }
                }
            }
        }
    }
}
