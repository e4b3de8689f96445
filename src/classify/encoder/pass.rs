//! The encoder's layers, written out over the matrix products of `rten-gemm`: the tokens of several posts lie one after
//! another, nothing is padded, and only attention looks at posts one by one. `models/engines.md` tells why this and no
//! library's graph.

use super::file::{Precision, Tensors, WORDS};
use super::piece::PIECES_MAX;
use super::row::{Attention, BLOCK, Biased, BiasedGelu, Bytes, Columns, LANES, Normalised, Product, Quantised, SIDE};
use super::{Engine, Mean, WIDTH};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_simd::SimdOp;
use rten_tensor::NdTensorView;
use std::sync::{Mutex, PoisonError};

pub const LAYERS: usize = 6;
pub const HEADS: usize = 12;
pub const INNER: usize = 4 * WIDTH;
/// Tokens that go through the layers together: enough to fill the product's tiles, few enough that all between the
/// weights stays in the second cache. A longer post still goes through whole.
const TOGETHER: usize = 128;
/// Room of a group: a post may begin just below `TOGETHER`.
const ROOM: usize = TOGETHER + PIECES_MAX;

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
    /// Where it lies in the file: it is the larger part of what is not multiplied.
    Int(&'static [i8], Vec<f32>),
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
        weights.is_int().then(|| Bytes {
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

/// What a group of posts is worked on in; kept from one group to the next.
struct Room {
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

impl Room {
    fn new(is_int: bool) -> Self {
        Self {
            x: vec![0.; ROOM * WIDTH],
            qkv: vec![0.; ROOM * 3 * WIDTH],
            seen: vec![0.; ROOM * WIDTH],
            inner: vec![0.; if is_int { INNER } else { ROOM * INNER }],
            products: Products {
                floats: vec![0.; if is_int { 0 } else { ROOM * INNER }],
                sums: vec![0; if is_int { ROOM * INNER } else { 0 }],
            },
            narrow: Rows::new(WIDTH),
            wide: Rows::new(INNER),
            row: vec![0.; WIDTH],
            heads: vec![0.; (SIDE + BLOCK) * PIECES_MAX.next_multiple_of(LANES)],
        }
    }
}

/// The engine inside the program. Posts are spread over its threads by groups of about [`TOGETHER`] tokens; each post
/// gets the same numbers in any company.
pub struct Embedded {
    weights: Weights,
    /// Each has one thread: `rten-gemm` would otherwise share out each product, which costs more than it brings here.
    threads: Vec<ThreadPool>,
    rooms: Mutex<Vec<Room>>,
}

impl Embedded {
    /// `threads`: 1 or more.
    ///
    /// # Errors
    /// What the file lacks, or that the system gives no threads.
    pub fn new(tensors: &Tensors<'static>, threads: usize) -> Result<Self, String> {
        let weights = Weights::read(tensors)?;
        let thread = |_| ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "encoder".into()).build();
        let threads: Result<Vec<ThreadPool>, ThreadPoolBuildError> = (0..threads.max(1)).map(thread).collect();
        let threads = threads.map_err(|error| format!("no threads to run on: {error}"))?;
        Ok(Self { weights, threads, rooms: Mutex::default() })
    }

    fn work(&self, groups: &Mutex<Groups<'_>>) {
        let room = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut room = room.unwrap_or_else(|| Room::new(self.weights.is_int()));
        loop {
            // In a statement of its own, so that the lock is not held while the group is worked on.
            let group = groups.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((posts, means)) = group else { break };
            self.weights.group(posts, means, &mut room);
        }
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }
}

impl Engine for Embedded {
    fn means(&self, posts: &[&[u32]]) -> Option<Vec<Mean>> {
        let mut means = vec![[0.; WIDTH]; posts.len()];
        let groups = Mutex::new(Groups { posts, means: &mut means });
        on_each(&self.threads, &|| self.work(&groups));
        Some(means)
    }
}

/// Does `work` on every thread at once and waits for all.
fn on_each(threads: &[ThreadPool], work: &(dyn Fn() + Sync)) {
    if let Some((first, others)) = threads.split_first() {
        first.in_place_scope(|scope| {
            scope.spawn(|_| work());
            on_each(others, work);
        });
    }
}

/// Posts that are still to be worked on, with the places for their means.
struct Groups<'a> {
    posts: &'a [&'a [u32]],
    means: &'a mut [Mean],
}

impl<'a> Iterator for Groups<'a> {
    type Item = (&'a [&'a [u32]], &'a mut [Mean]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut tokens = 0;
        let fits = |post: &&&[u32]| {
            let fits = tokens < TOGETHER;
            tokens += post.len();
            fits
        };
        let taken = self.posts.iter().take_while(fits).count();
        if taken == 0 {
            return None;
        }
        let posts = self.posts.split_off(..taken)?;
        let means = self.means.split_off_mut(..taken)?;
        Some((posts, means))
    }
}

impl Weights {
    fn is_int(&self) -> bool {
        matches!(self.words, Words::Int(..))
    }

    fn read(tensors: &Tensors<'static>) -> Result<Self, String> {
        let gemm = Gemm::default();
        let norm = |name: &str| -> Result<Norm, String> {
            let part = |part| tensors.floats(&format!("{name}.{part}"), &[WIDTH]);
            Ok(Norm { weight: part("weight")?, shift: part("bias")? })
        };
        let layer = |n| -> Result<Layer, String> {
            let at = |name: &str| format!("encoder.layer.{n}.{name}");
            let [query, key, value] = ["query", "key", "value"].map(|part| at(&format!("attention.self.{part}")));
            Ok(Layer {
                // The query is divided by the root of a head's width here, once.
                qkv: Linear::read(tensors, &gemm, &[&query, &key, &value], [WIDTH, WIDTH], (SIDE as f32).sqrt())?,
                out: Linear::read(tensors, &gemm, &[&at("attention.output.dense")], [WIDTH, WIDTH], 1.)?,
                norm1: norm(&at("attention.output.LayerNorm"))?,
                up: Linear::read(tensors, &gemm, &[&at("intermediate.dense")], [INNER, WIDTH], 1.)?,
                down: Linear::read(tensors, &gemm, &[&at("output.dense")], [WIDTH, INNER], 1.)?,
                norm2: norm(&at("output.LayerNorm"))?,
            })
        };
        let layers: Result<_, String> = (0..LAYERS).map(layer).collect();
        let words = match tensors.precision() {
            Precision::Int8 => {
                let (values, scale) = tensors.scaled(WORDS, &[tensors.pieces(), WIDTH])?;
                Words::Int(values, scale)
            }
            Precision::Full => Words::Float(tensors.floats(WORDS, &[tensors.pieces(), WIDTH])?),
        };
        let mut positions = tensors.floats("embeddings.position_embeddings.weight", &[PIECES_MAX, WIDTH])?;
        // Every token is of the first type, so its vector belongs to the position.
        let types = tensors.floats("embeddings.token_type_embeddings.weight", &[2, WIDTH])?;
        for position in positions.chunks_exact_mut(WIDTH) {
            position.iter_mut().zip(&types).for_each(|(x, t)| *x += t);
        }
        let top = if gemm.int.may_saturate() { 127 } else { 255 };
        Ok(Self { words, positions, norm: norm("embeddings.LayerNorm")?, layers: layers?, top })
    }

    /// The mean of the last layer over each of `posts`, which together have at most `ROOM` tokens.
    fn group(&self, posts: &[&[u32]], means: &mut [Mean], room: &mut Room) {
        let Room { x, qkv, seen, inner, products, narrow, wide, row, heads } = room;
        let w = self;
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
        for (post, mean) in posts.iter().zip(means) {
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
    /// The layers `parts`, each `[outputs, inputs]` in the file, side by side; the first divided by `root`.
    fn read(tensors: &Tensors<'_>, gemm: &Gemm, parts: &[&str], shape: [usize; 2], root: f32) -> Result<Self, String> {
        let [outputs, inputs] = shape;
        let packed_shape = [inputs, outputs * parts.len()];
        let divided = |values: &mut Vec<f32>| values[..outputs].iter_mut().for_each(|value| *value /= root);
        let mut bias = Vec::new();
        for part in parts {
            bias.extend(tensors.floats(&format!("{part}.bias"), &[outputs])?);
        }
        divided(&mut bias);
        let weight = |part: &&str| format!("{part}.weight");
        let packed = match tensors.precision() {
            Precision::Int8 => {
                let read: Result<Vec<_>, _> =
                    parts.iter().map(|part| tensors.scaled(&weight(part), &shape[..])).collect();
                let (values, scales): (Vec<_>, Vec<_>) = read?.into_iter().unzip();
                let (values, mut scale) = (turned(&values, inputs), scales.concat());
                divided(&mut scale);
                let mut total = vec![0.; scale.len()];
                for row in values.chunks_exact(scale.len()) {
                    total.iter_mut().zip(row).zip(&scale).for_each(|((t, w), s)| *t += f32::from(*w) * s);
                }
                let packed = gemm.int.prepack_b(NdTensorView::from_data(packed_shape, &values[..]));
                Packed::Int(packed, Columns { scale, total })
            }
            Precision::Full => {
                let read: Result<Vec<_>, _> =
                    parts.iter().map(|part| tensors.floats(&weight(part), &shape[..])).collect();
                let mut read = read?;
                read[0].iter_mut().for_each(|value| *value /= root);
                let read: Vec<&[f32]> = read.iter().map(Vec::as_slice).collect();
                let values = turned(&read, inputs);
                Packed::Float(gemm.float.prepack_b(NdTensorView::from_data(packed_shape, &values[..])))
            }
        };
        Ok(Self { packed, bias })
    }

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
                let done = gemm.float.gemm(to, a, GemmInputB::Packed(packed), GemmOptions::default());
                let Ok(()) = done else { unreachable!("shapes were checked when the weights were read") };
                Product::Float(to)
            }
            Packed::Int(packed, columns) => {
                let to = &mut to.sums[..cells];
                let values = &bytes.values[..n * packed.rows()];
                let a = GemmInputA::Unpacked(NdTensorView::from_data([n, packed.rows()], values));
                // rten-gemm 0.27.0 takes the zeros of the first rows for all rows, so the zeros are taken out afterwards.
                let done = gemm.int.gemm(to, a, GemmInputB::Packed(packed), GemmOptions::default());
                let Ok(()) = done else { unreachable!("shapes were checked when the weights were read") };
                Product::Int { sums: to, scale: &bytes.scale[..n], shift: &bytes.shift[..n], columns }
            }
        }
    }
}

/// Tables of `[outputs, inputs]` as one of `[inputs, all outputs]`.
fn turned<T: Copy>(parts: &[&[T]], inputs: usize) -> Vec<T> {
    let rows = || parts.iter().flat_map(|part| part.chunks_exact(inputs));
    (0..inputs).flat_map(|input| rows().map(move |row| row[input])).collect()
}
