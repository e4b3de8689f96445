//! The ONNX file as tract runs it: padded batches, one plan for all shapes.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::*;

use crate::{Engine, padded};

pub struct Tract {
    plan: Arc<TypedRunnableModel>,
}

impl Tract {
    pub fn open(folder: &Path, kind: &str) -> Self {
        Self::try_open(folder, kind).expect("a model that tract takes")
    }

    fn try_open(folder: &Path, kind: &str) -> TractResult<Self> {
        let model = onnx().model_for_path(folder.join(format!("{kind}.onnx")))?;
        let batch = model.symbols.sym("batch").to_dim();
        let tokens = model.symbols.sym("tokens").to_dim();
        let fact = || InferenceFact::dt_shape(i64::datum_type(), tvec![batch.clone(), tokens.clone()]);
        let model = model.with_input_fact(0, fact())?.with_input_fact(1, fact())?;
        Ok(Self { plan: model.into_optimized()?.into_runnable()? })
    }
}

impl Engine for Tract {
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32> {
        let (tokens, ids, mask) = padded(posts);
        let tensor = |values: &[i64]| Tensor::from_shape(&[posts.len(), tokens], values).expect("shape").into_tvalue();
        let found = self.plan.run(tvec![tensor(&ids), tensor(&mask)]).expect("a run");
        found[0].view().as_slice::<f32>().expect("numbers").to_vec()
    }

    fn twin(&self) -> Box<dyn Engine> {
        Box::new(Self { plan: self.plan.clone() })
    }
}
