//! The encoder over candle's tensors: numbers, or its own blocks of 32 8-bit weights (`Q8_0`). candle reads no ONNX with
//! 8-bit products, and its blocks are not the weights of the other engines: they are finer, with a scale each.

use std::path::Path;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};
use safetensors::SafeTensors;

use crate::{Engine, WIDTH, padded};

const LAYERS: usize = 6;
const HEADS: usize = 12;

#[derive(Clone)]
struct Linear {
    weight: QMatMul,
    bias: Tensor,
}

type Norm = (Tensor, Tensor);

#[derive(Clone)]
struct Layer {
    qkv: Linear,
    out: Linear,
    norm1: Norm,
    up: Linear,
    down: Linear,
    norm2: Norm,
}

#[derive(Clone)]
pub struct Candle {
    words: Tensor,
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.weight.forward(x)?.broadcast_add(&self.bias)
    }
}

impl Candle {
    pub fn open(folder: &Path, kind: &str) -> Self {
        Self::try_open(folder, kind).expect("weights that candle takes")
    }

    fn try_open(folder: &Path, kind: &str) -> Result<Self> {
        let file = std::fs::read(folder.join("fp32.safetensors"))?;
        let tensors = SafeTensors::deserialize(&file)?;
        let tensor = |name: String| {
            let view = tensors.tensor(&name)?;
            let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Tensor::from_vec::<_, f32>(values, view.shape().to_vec(), &Device::Cpu)
        };
        let linear = |names: &[String]| -> Result<Linear> {
            let joined = |part| Tensor::cat(&names.iter().map(|n| tensor(format!("{n}.{part}"))).collect::<Result<Vec<_>>>()?, 0);
            let weight = joined("weight")?;
            let weight = if kind == "int8" {
                QMatMul::from_qtensor(QTensor::quantize(&weight, GgmlDType::Q8_0)?)?
            } else {
                QMatMul::Tensor(weight)
            };
            Ok(Linear { weight, bias: joined("bias")? })
        };
        let norm = |name: String| -> Result<Norm> {
            Ok((tensor(format!("{name}.weight"))?, tensor(format!("{name}.bias"))?))
        };
        let layer = |n| {
            let at = format!("encoder.layer.{n}");
            Ok(Layer {
                qkv: linear(&["query", "key", "value"].map(|part| format!("{at}.attention.self.{part}")))?,
                out: linear(&[format!("{at}.attention.output.dense")])?,
                norm1: norm(format!("{at}.attention.output.LayerNorm"))?,
                up: linear(&[format!("{at}.intermediate.dense")])?,
                down: linear(&[format!("{at}.output.dense")])?,
                norm2: norm(format!("{at}.output.LayerNorm"))?,
            })
        };
        let embeddings = |name: &str| tensor(format!("embeddings.{name}_embeddings.weight"));
        // Every token is of the first type, so its vector belongs to the position.
        let positions = embeddings("position")?.broadcast_add(&embeddings("token_type")?.narrow(0, 0, 1)?)?;
        Ok(Self {
            words: embeddings("word")?,
            positions,
            norm: norm("embeddings.LayerNorm".into())?,
            layers: (0..LAYERS).map(layer).collect::<Result<_>>()?,
        })
    }

    fn forward(&self, posts: &[&[u32]]) -> Result<Vec<f32>> {
        let (batch, (tokens, ids, mask)) = (posts.len(), padded(posts));
        let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
        let ids = Tensor::from_vec(ids, batch * tokens, &Device::Cpu)?;
        let seen: Vec<f32> = mask.iter().map(|&m| m as f32).collect();
        let away = seen.iter().map(|m| (m - 1.) * 10_000.).collect();
        let away = Tensor::from_vec::<_, f32>(away, (batch, 1, 1, tokens), &Device::Cpu)?;
        let norm = |x: &Tensor, (weight, shift): &Norm| layer_norm(x, weight, shift, 1e-12);
        let side = WIDTH / HEADS;
        let x = self.words.index_select(&ids, 0)?.reshape((batch, tokens, WIDTH))?;
        let mut x = norm(&x.broadcast_add(&self.positions.narrow(0, 0, tokens)?)?, &self.norm)?;
        for layer in &self.layers {
            let qkv = layer.qkv.forward(&x)?.reshape((batch, tokens, 3, HEADS, side))?;
            let part = |k| qkv.narrow(2, k, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
            let (q, k, v) = (part(0)?, part(1)?, part(2)?);
            let score = (q.matmul(&k.t()?)? / (side as f64).sqrt())?.broadcast_add(&away)?;
            let seen = softmax_last_dim(&score)?.matmul(&v)?.transpose(1, 2)?.reshape((batch, tokens, WIDTH))?;
            x = norm(&(x + layer.out.forward(&seen)?)?, &layer.norm1)?;
            let inner = layer.up.forward(&x)?.gelu_erf()?;
            x = norm(&(x + layer.down.forward(&inner)?)?, &layer.norm2)?;
        }
        let seen = Tensor::from_vec(seen, (batch, tokens, 1), &Device::Cpu)?;
        let mean = x.broadcast_mul(&seen)?.sum(1)?.broadcast_div(&seen.sum(1)?)?;
        mean.flatten_all()?.to_vec1()
    }
}

impl Engine for Candle {
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32> {
        self.forward(posts).expect("shapes agree")
    }

    fn twin(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }
}
