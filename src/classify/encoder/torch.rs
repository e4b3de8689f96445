//! The encoder by libtorch (`rust-bert`): for a GPU, and for whoever has libtorch anyway. Compiled with the feature
//! `rust-bert` only. It computes in 32 bits, and is held to the trainer's logits and to the engine inside the program.

use super::file::{Precision, Tensors};
use super::pass::{HEADS, INNER, LAYERS};
use super::piece::PIECES_MAX;
use super::{Engine, FULL, Mean, WIDTH};
use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// What stands after the end of a shorter post; attention does not look at it.
const PADDING: i64 = 0;

/// Pieces of one batch, padding included: enough for a GPU, and some hundred megabytes on the way through.
const BATCH_PIECES: usize = 4_096;

type Failed = Box<dyn Error>;

/// An encoder on a GPU, or on the processor when there is none. One batch at a time: tensors may not be shared between
/// threads, and libtorch spreads a batch over its own.
pub struct Torch {
    net: Mutex<Net>,
}

struct Net {
    encoder: BertModel<BertEmbeddings>,
    device: Device,
}

impl Torch {
    /// `threads`: of libtorch in all of this process, where it computes on the processor.
    ///
    /// # Errors
    /// What the file lacks, or what libtorch said.
    pub fn new(tensors: &Tensors<'_>, threads: usize) -> Result<Self, String> {
        if tensors.precision() == Precision::Int8 {
            return Err(format!("weights of 8 bits are for the embedded engine, `rust-bert` computes with {FULL}"));
        }
        let open = || {
            tch::set_num_threads(i32::try_from(threads)?);
            Net::new(tensors, Device::cuda_if_available())
        };
        let net = survive(open).map_err(|error| brief(&error))?;
        tracing::info!(device = ?net.device, "the encoder is computed by libtorch");
        Ok(Self { net: Mutex::new(net) })
    }
}

impl Engine for Torch {
    fn means(&self, posts: &[&[u32]]) -> Option<Vec<Mean>> {
        // What a panic left behind is sound: nothing in there changes after loading.
        let net = self.net.lock().unwrap_or_else(PoisonError::into_inner);
        let means = survive(|| net.means(posts));
        means.inspect_err(|error| tracing::error!(error = brief(error), "libtorch failed")).ok()
    }
}

impl Net {
    fn new(tensors: &Tensors<'_>, device: Device) -> Result<Self, Failed> {
        let config = BertConfig {
            hidden_size: i64::try_from(WIDTH)?,
            intermediate_size: i64::try_from(INNER)?,
            max_position_embeddings: i64::try_from(PIECES_MAX)?,
            num_attention_heads: i64::try_from(HEADS)?,
            num_hidden_layers: i64::try_from(LAYERS)?,
            vocab_size: i64::try_from(tensors.pieces())?,
            // GELU, two types of token.
            ..BertConfig::default()
        };
        let variables = VarStore::new(device);
        let encoder = BertModel::new_with_optional_pooler(variables.root(), &config, false);
        // Drawn at random so far.
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in variables.variables() {
            let shape: Result<Vec<usize>, _> = variable.size().into_iter().map(usize::try_from).collect();
            let values = Tensor::f_from_slice(&tensors.floats(&name, &shape?)?)?;
            variable.f_copy_(&values.f_view(&*variable.size())?)?;
        }
        Ok(Self { encoder, device })
    }

    fn means(&self, posts: &[&[u32]]) -> Result<Vec<Mean>, Failed> {
        let mut order: Vec<usize> = (0..posts.len()).collect();
        order.sort_by_key(|&n| posts[n].len());
        let mut means = vec![[0.; WIDTH]; posts.len()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let fits = |(others, n): &(usize, &usize)| (others + 1) * posts[**n].len() <= BATCH_PIECES;
            let (batch, longer) = rest.split_at(rest.iter().enumerate().take_while(fits).count().max(1));
            let found = self.batch(&batch.iter().map(|&n| posts[n]).collect::<Vec<_>>())?;
            batch.iter().zip(found).for_each(|(&n, mean)| means[n] = mean);
            rest = longer;
        }
        Ok(means)
    }

    /// Posts of about one length at once, none empty.
    fn batch(&self, posts: &[&[u32]]) -> Result<Vec<Mean>, Failed> {
        let _guard = tch::no_grad_guard();
        let longest = posts.iter().map(|post| post.len()).max().unwrap_or_default();
        let mut ids = vec![PADDING; posts.len() * longest];
        let mut real = vec![false; ids.len()];
        for ((ids, real), post) in ids.chunks_exact_mut(longest).zip(real.chunks_exact_mut(longest)).zip(posts) {
            ids.iter_mut().zip(*post).for_each(|(id, piece)| *id = i64::from(*piece));
            real[..post.len()].fill(true);
        }
        let shape = [i64::try_from(posts.len())?, i64::try_from(longest)?];
        let ids = Tensor::f_from_slice(&ids)?.f_view(shape)?.f_to(self.device)?;
        let real = Tensor::f_from_slice(&real)?.f_view(shape)?.f_to(self.device)?;
        let tokens = self.encoder.forward_t(Some(&ids), Some(&real), None, None, None, None, None, false)?.hidden_state;
        let real = real.f_unsqueeze(-1)?.f_to_kind(Kind::Float)?;
        let sum = tokens.f_mul(&real)?.f_sum_dim_intlist(1, false, Kind::Float)?;
        let means = sum.f_div(&real.f_sum_dim_intlist(1, false, Kind::Float)?)?;
        Ok(Vec::<f32>::try_from(means.f_flatten(0, -1)?.f_to(Device::Cpu)?)?.as_chunks().0.to_vec())
    }
}

/// Does `work`. tch and rust-bert panic where libtorch refuses: a GPU without memory, say.
fn survive<T>(work: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map_or("libtorch gave up", String::as_str);
        Err(said.into())
    })
}

/// What was said, without the stack of C++ functions that libtorch adds to it, escaped when it comes by a panic.
fn brief(error: &Failed) -> String {
    let said = error.to_string();
    let end = said.find('\n').or_else(|| said.find("\\n")).unwrap_or(said.len());
    said[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_may_refuse() {
        let error = survive(|| Ok(Tensor::from_slice(&[1, 2]) + Tensor::from_slice(&[1, 2, 3]))).unwrap_err();
        assert!(error.to_string().contains("frame #0"), "{error}");
        let said = brief(&error);
        assert!(said.contains("must match") && !said.contains("frame"), "{said}");
    }
}
