//! The encoder written out, over the matrix product of `rten-gemm`: all tokens of a batch lie one after another, without
//! padding, and only attention looks at posts one by one.

use std::path::Path;
use std::sync::Arc;

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_simd::SimdOp;
use rten_tensor::NdTensorView;
use safetensors::SafeTensors;

use crate::simd::{Attention, BLOCK, Biased, BiasedGelu, Bytes, Columns, LANES, Normalised, Product, Quantised, SIDE};
use crate::{Engine, HEADS, LAYERS, TOKENS, WIDTH, numbers, small};

const INNER: usize = 4 * WIDTH;
/// Tokens that go through the layers together: enough to fill the product's tiles, few enough that all between the
/// weights stays in the second cache. A longer post still goes through whole.
const TOGETHER: usize = 128;
/// Room of a group: a post may begin just below `TOGETHER`.
const ROOM: usize = TOGETHER + TOKENS;

enum Packed {
    Float(PackedBMatrix<f32>),
    Int(PackedBMatrix<i8>, Columns),
}

struct Linear {
    packed: Packed,
    bias: Vec<f32>,
}

struct Norm {
    weight: Vec<f32>,
    shift: Vec<f32>,
}

struct Layer {
    qkv: Linear,
    out: Linear,
    norm1: Norm,
    up: Linear,
    down: Linear,
    norm2: Norm,
}

enum Words {
    Float(Vec<f32>),
    Int(Vec<i8>, Vec<f32>),
}

struct Weights {
    words: Words,
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    /// The largest byte of an activation. Without VNNI x86 adds two products in 16 bits: 2 * 127 * 127 fits, 2 * 255 * 127
    /// does not.
    top: u8,
}

/// The matrix products of this processor. They may not move to another thread, so every group makes its own: that is a
/// look at the processor's flags.
#[derive(Default)]
struct Gemm {
    float: GemmExecutor<f32>,
    int: GemmExecutor<u8, i8, i32>,
}

/// Tokens as bytes, each with its scale.
struct Rows {
    values: Vec<u8>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Rows {
    fn new(columns: usize) -> Self {
        Self { values: vec![0; ROOM * columns], scale: vec![0.; ROOM], shift: vec![0.; ROOM] }
    }

    fn bytes(&mut self, rows: usize, columns: usize, weights: &Weights) -> Option<Bytes<'_>> {
        matches!(weights.words, Words::Int(..)).then(|| Bytes {
            values: &mut self.values[..rows * columns],
            scale: &mut self.scale[..rows],
            shift: &mut self.shift[..rows],
            top: weights.top,
        })
    }
}

/// Where matrix products go.
struct Products {
    floats: Vec<f32>,
    sums: Vec<i32>,
}

/// One worker: the shared weights and its own room.
pub struct Ragged {
    weights: Arc<Weights>,
    x: Vec<f32>,
    qkv: Vec<f32>,
    seen: Vec<f32>,
    inner: Vec<f32>,
    products: Products,
    /// `x` as bytes.
    narrow: Rows,
    /// What attention saw and what the inner layer holds as bytes, one after the other.
    wide: Rows,
    row: Vec<f32>,
    heads: Vec<f32>,
}

impl Ragged {
    pub fn open(folder: &Path, kind: &str) -> Self {
        let file = std::fs::read(folder.join(format!("{kind}.safetensors"))).expect("weights");
        let tensors = SafeTensors::deserialize(&file).expect("safetensors");
        let Gemm { float, int } = Gemm::default();
        let linear = |name: String| {
            let weight = tensors.tensor(&format!("{name}.weight")).expect("weight");
            let shape = [weight.shape()[0], weight.shape()[1]];
            let mut bias = numbers(&tensors, &format!("{name}.bias"));
            // The query is divided by the root of a head's width here, once.
            let query = if name.ends_with("qkv") { WIDTH } else { 0 };
            let root = (SIDE as f32).sqrt();
            bias[..query].iter_mut().for_each(|b| *b /= root);
            let packed = if kind == "int8" {
                let mut scale = numbers(&tensors, &format!("{name}.scale"));
                scale[..query].iter_mut().for_each(|s| *s /= root);
                let values = small(&tensors, &format!("{name}.weight"));
                let mut total = vec![0.; shape[1]];
                for row in values.chunks_exact(shape[1]) {
                    total.iter_mut().zip(row).zip(&scale).for_each(|((t, w), s)| *t += f32::from(*w) * s);
                }
                Packed::Int(int.prepack_b(NdTensorView::from_data(shape, &values[..])), Columns { scale, total })
            } else {
                let mut values = numbers(&tensors, &format!("{name}.weight"));
                values.chunks_exact_mut(shape[1]).for_each(|row| row[..query].iter_mut().for_each(|w| *w /= root));
                Packed::Float(float.prepack_b(NdTensorView::from_data(shape, &values[..])))
            };
            Linear { packed, bias }
        };
        let norm = |name: String| Norm {
            weight: numbers(&tensors, &format!("{name}.weight")),
            shift: numbers(&tensors, &format!("{name}.bias")),
        };
        let layers = (0..LAYERS)
            .map(|n| Layer {
                qkv: linear(format!("{n}.qkv")),
                out: linear(format!("{n}.out")),
                norm1: norm(format!("{n}.norm1")),
                up: linear(format!("{n}.up")),
                down: linear(format!("{n}.down")),
                norm2: norm(format!("{n}.norm2")),
            })
            .collect();
        let words = if kind == "int8" {
            Words::Int(small(&tensors, "word"), numbers(&tensors, "word.scale"))
        } else {
            Words::Float(numbers(&tensors, "word"))
        };
        let positions = numbers(&tensors, "position");
        let norm = norm("norm".into());
        let top = if int.may_saturate() { 127 } else { 255 };
        Self::over(Arc::new(Weights { words, positions, norm, layers, top }))
    }

    fn over(weights: Arc<Weights>) -> Self {
        let is_float = matches!(weights.words, Words::Float(_));
        Self {
            x: vec![0.; ROOM * WIDTH],
            qkv: vec![0.; ROOM * 3 * WIDTH],
            seen: vec![0.; ROOM * WIDTH],
            inner: vec![0.; if is_float { ROOM * INNER } else { INNER }],
            products: Products {
                floats: vec![0.; if is_float { ROOM * INNER } else { 0 }],
                sums: vec![0; if is_float { 0 } else { ROOM * INNER }],
            },
            narrow: Rows::new(WIDTH),
            wide: Rows::new(INNER),
            row: vec![0.; WIDTH],
            heads: vec![0.; (SIDE + BLOCK) * TOKENS.next_multiple_of(LANES)],
            weights,
        }
    }

    /// The mean of the last layer over each of `posts`, which together have at most `ROOM` tokens.
    fn group(&mut self, posts: &[&[u32]], out: &mut Vec<f32>) {
        let Self { weights, x, qkv, seen, inner, products, narrow, wide, row, heads } = self;
        let w = &**weights;
        let gemm = &Gemm::default();
        let n = posts.iter().map(|post| post.len()).sum();
        let x = &mut x[..n * WIDTH];
        let seen = &mut seen[..n * WIDTH];
        let qkv = &mut qkv[..n * 3 * WIDTH];
        let inner_rows = inner.len().min(n * INNER);
        let inner = &mut inner[..inner_rows];

        let places = posts.iter().flat_map(|post| post.iter().zip(w.positions.chunks_exact(WIDTH)));
        for (x, (&word, position)) in x.chunks_exact_mut(WIDTH).zip(places) {
            w.words.read(word as usize, position, x);
        }
        let Norm { weight, shift } = &w.norm;
        let bytes = narrow.bytes(n, WIDTH, w);
        Normalised { x, product: None, weight, shift, bytes, room: row }.dispatch();
        for layer in &w.layers {
            let product = layer.qkv.product(gemm, n, x, narrow, products);
            Biased { product, bias: &layer.qkv.bias, out: qkv }.dispatch();
            let (mut from, mut to) = (&qkv[..], &mut seen[..]);
            for post in posts {
                let (qkv, others) = from.split_at(post.len() * 3 * WIDTH);
                let (out, left) = to.split_at_mut(post.len() * WIDTH);
                Attention { qkv, out, heads: HEADS, room: heads }.dispatch();
                (from, to) = (others, left);
            }
            if let Some(bytes) = wide.bytes(n, WIDTH, w) {
                Quantised { rows: seen, bytes }.dispatch();
            }
            let product = Some((layer.out.product(gemm, n, seen, wide, products), &layer.out.bias[..]));
            let Norm { weight, shift } = &layer.norm1;
            let bytes = narrow.bytes(n, WIDTH, w);
            Normalised { x, product, weight, shift, bytes, room: row }.dispatch();
            let product = layer.up.product(gemm, n, x, narrow, products);
            let bytes = wide.bytes(n, INNER, w);
            BiasedGelu { product, bias: &layer.up.bias, out: inner, bytes }.dispatch();
            let product = Some((layer.down.product(gemm, n, inner, wide, products), &layer.down.bias[..]));
            let Norm { weight, shift } = &layer.norm2;
            let bytes = narrow.bytes(n, WIDTH, w);
            Normalised { x, product, weight, shift, bytes, room: row }.dispatch();
        }

        let mut rows = x.chunks_exact(WIDTH);
        for post in posts {
            let start = out.len();
            out.resize(start + WIDTH, 0.);
            let mean = &mut out[start..];
            for row in rows.by_ref().take(post.len()) {
                mean.iter_mut().zip(row).for_each(|(m, x)| *m += x);
            }
            mean.iter_mut().for_each(|m| *m /= post.len() as f32);
        }
    }
}

impl Words {
    /// The vector of a word at a position.
    fn read(&self, word: usize, position: &[f32], x: &mut [f32]) {
        match self {
            Words::Float(table) => {
                let word = &table[word * WIDTH..][..WIDTH];
                x.iter_mut().zip(word).zip(position).for_each(|((x, w), p)| *x = w + p);
            }
            Words::Int(table, scales) => {
                let (row, scale) = (&table[word * WIDTH..][..WIDTH], scales[word]);
                x.iter_mut().zip(row).zip(position).for_each(|((x, w), p)| *x = f32::from(*w) * scale + p);
            }
        }
    }
}

impl Linear {
    /// The product of `n` rows: of `bytes` if the weights are bytes, else of `floats`.
    fn product<'a>(
        &'a self,
        gemm: &Gemm,
        n: usize,
        floats: &[f32],
        bytes: &'a Rows,
        to: &'a mut Products,
    ) -> Product<'a> {
        let cells = n * self.bias.len();
        match &self.packed {
            Packed::Float(packed) => {
                let to = &mut to.floats[..cells];
                let a = GemmInputA::Unpacked(NdTensorView::from_data([n, packed.rows()], floats));
                gemm.float.gemm(to, a, GemmInputB::Packed(packed), GemmOptions::default()).expect("shapes agree");
                Product::Float(to)
            }
            Packed::Int(packed, columns) => {
                let to = &mut to.sums[..cells];
                let values = &bytes.values[..n * packed.rows()];
                let a = GemmInputA::Unpacked(NdTensorView::from_data([n, packed.rows()], values));
                // rten-gemm 0.27.0 takes the zeros of the first rows for all rows, so the zeros are taken out afterwards.
                gemm.int.gemm(to, a, GemmInputB::Packed(packed), GemmOptions::default()).expect("shapes agree");
                Product::Int { sums: to, scale: &bytes.scale[..n], shift: &bytes.shift[..n], columns }
            }
        }
    }
}

impl Engine for Ragged {
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32> {
        let mut out = Vec::with_capacity(posts.len() * WIDTH);
        let mut rest = posts;
        while !rest.is_empty() {
            let mut tokens = 0;
            let taken = rest.iter().take_while(|post| {
                let fits = tokens < TOGETHER;
                tokens += post.len();
                fits
            });
            let (group, others) = rest.split_at(taken.count());
            self.group(group, &mut out);
            rest = others;
        }
        out
    }

    fn twin(&self) -> Box<dyn Engine> {
        Box::new(Self::over(self.weights.clone()))
    }
}
