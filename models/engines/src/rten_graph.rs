//! The ONNX file as rten runs it: padded batches.

use std::path::Path;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::{Engine, padded};

pub struct Rten {
    model: Arc<Model>,
    inputs: [NodeId; 2],
    output: NodeId,
    pool: Arc<ThreadPool>,
}

impl Rten {
    pub fn open(folder: &Path, kind: &str) -> Self {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load_file(folder.join(format!("{kind}.onnx"))).expect("a model");
        let node = |name| model.node_id(name).expect(name);
        let inputs = [node("input_ids"), node("attention_mask")];
        let output = node("embedding");
        Self::over(Arc::new(model), inputs, output)
    }

    fn over(model: Arc<Model>, inputs: [NodeId; 2], output: NodeId) -> Self {
        Self { model, inputs, output, pool: Arc::new(ThreadPool::with_num_threads(1)) }
    }
}

impl Engine for Rten {
    fn embed(&mut self, posts: &[&[u32]]) -> Vec<f32> {
        let (tokens, ids, mask) = padded(posts);
        // rten knows 32-bit integers only and reads the 64-bit inputs of ONNX as such.
        let tensor = |values: Vec<i64>| {
            NdTensor::from_data([posts.len(), tokens], values.into_iter().map(|x| x as i32).collect::<Vec<_>>())
        };
        let inputs = vec![(self.inputs[0], tensor(ids).into()), (self.inputs[1], tensor(mask).into())];
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let [found] = self.model.run_n(inputs, [self.output], Some(options)).expect("a run");
        let found: NdTensor<f32, 2> = found.try_into().expect("numbers");
        found.to_vec()
    }

    fn twin(&self) -> Box<dyn Engine> {
        Box::new(Self::over(self.model.clone(), self.inputs, self.output))
    }
}
