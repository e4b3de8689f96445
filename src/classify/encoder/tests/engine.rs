//! What the engine says of the golden texts: what the trainer said, in any company, on any number of threads; and what
//! becomes of files that are not the model's.

use super::super::{BadModel, Encoder, FULL, Folder, INT8};
use super::{Golden, golden};
use std::path::Path;

/// The weights of 16 bits are not inside the program.
pub fn full() -> Folder<'static> {
    let weights = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/text-1").join(FULL)).unwrap();
    Folder { name: FULL, weights: weights.leak(), ..Folder::EMBEDDED }
}

pub fn texts(golden: &[Golden]) -> Vec<&str> {
    golden.iter().map(|golden| golden.text.as_str()).collect()
}

/// Without optimisation one text takes a hundred times as long: some must do.
pub fn sampled() -> Vec<Golden> {
    golden().into_iter().step_by(if cfg!(debug_assertions) { 40 } else { 1 }).collect()
}

/// Differences of logits to the trainer's: (largest, mean).
pub fn apart(encoder: &Encoder, golden: &[Golden]) -> (f32, f32) {
    let found = encoder.logits(&texts(golden)).unwrap();
    let pairs = found.iter().zip(golden).flat_map(|(found, golden)| found.row().into_iter().zip(golden.logits.clone()));
    let apart: Vec<f32> = pairs.map(|(found, golden)| (found - golden).abs()).collect();
    assert_eq!(apart.len(), 11 * golden.len());
    (apart.iter().copied().fold(0., f32::max), apart.iter().sum::<f32>() / apart.len() as f32)
}

#[test]
fn the_engine_says_what_the_trainer_said() {
    let golden = sampled();
    let (largest, _) = apart(&Encoder::open(&full(), 2).unwrap(), &golden);
    assert!(largest < 1e-3, "in full precision logits differ by up to {largest}");
    let encoder = Encoder::open(&Folder::EMBEDDED, 2).unwrap();
    let (largest, mean) = apart(&encoder, &golden);
    assert!(mean < 0.06 && largest < 1.0, "in 8 bits logits differ by up to {largest}, {mean} on average");
}

#[test]
fn a_post_says_the_same_in_any_company() {
    let golden = sampled();
    let encoder = Encoder::open(&Folder::EMBEDDED, 2).unwrap();
    let texts = &texts(&golden);
    let together = encoder.means(texts).unwrap();
    let alone = Encoder::open(&Folder::EMBEDDED, 1).unwrap();
    for (text, mean) in texts.iter().zip(together) {
        assert_eq!(alone.means(&[text]).unwrap(), [mean], "{text:?}");
    }
    assert_eq!(encoder.means(&[]).unwrap().len(), 0);
}

#[test]
fn files_that_are_not_the_models_are_refused_by_name() {
    let refused = |folder: Folder<'static>| {
        let Err(BadModel { model, reason }) = Encoder::open(&folder, 1) else { panic!("it was taken") };
        format!("{model}: {reason}")
    };
    let embedded = Folder::EMBEDDED;
    let cut = &embedded.weights[..embedded.weights.len() - 1];
    let reason = refused(Folder { weights: cut, ..embedded });
    assert!(reason.starts_with("text-1: int8.safetensors: expected 1") && reason.contains("bytes, found"), "{reason}");
    let mut flipped = embedded.weights.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let reason = refused(Folder { weights: flipped.leak(), ..embedded });
    assert!(reason.starts_with("text-1: int8.safetensors: expected blake3 "), "{reason}");
    let reason = refused(Folder { vocabulary: "the\nis", ..embedded });
    assert!(reason.starts_with("text-1: vocab.txt: expected "), "{reason}");
    let reason = refused(Folder { manifest: "model = 3", ..embedded });
    assert!(reason.starts_with("unknown: manifest.toml: "), "{reason}");
    let reason = refused(Folder { name: "other.safetensors", ..embedded });
    assert_eq!(reason, "text-1: manifest.toml does not list other.safetensors");

    // A manifest may list anything: what it lists must still be an encoder of this shape.
    let listed = |weights: &[u8]| {
        let file = |name: &str, bytes: &[u8]| {
            format!("[[file]]\nname = \"{name}\"\nbytes = {}\nblake3 = \"{}\"\n", bytes.len(), blake3::hash(bytes))
        };
        format!("model = \"other\"\n{}{}", file("vocab.txt", embedded.vocabulary.as_bytes()), file(INT8, weights))
    };
    let foreign = |weights: Vec<u8>| {
        let weights = weights.leak();
        refused(Folder { manifest: listed(weights).leak(), weights, ..embedded })
    };
    let reason = foreign(b"rubbish".to_vec());
    assert!(reason.starts_with("other: int8.safetensors: not in the safetensors format"), "{reason}");
    let tensor = |name: &str, shape: [usize; 2], kind: &str, bytes: usize| {
        let mut header = format!(
            r#"{{"{name}":{{"dtype":"{kind}","shape":[{},{}],"data_offsets":[0,{bytes}]}}}}"#,
            shape[0], shape[1]
        );
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; bytes]].concat()
    };
    let reason = foreign(tensor("something", [1, 4], "I8", 4));
    assert!(reason.contains("expected a tensor embeddings.word_embeddings.weight, found none"), "{reason}");
    let reason = foreign(tensor("embeddings.word_embeddings.weight", [2, 4], "I8", 8));
    assert!(reason.contains("vocab.txt has 1"), "{reason}");
    let reason = foreign(with_nan(embedded.weights));
    assert!(reason.contains("heads.irony.bias: holds what is no number"), "{reason}");
}

/// The same weights with a bias that is no number.
fn with_nan(weights: &[u8]) -> Vec<u8> {
    let mut weights = weights.to_vec();
    let header = usize::try_from(u64::from_le_bytes(weights[..8].try_into().unwrap())).unwrap();
    let tensors: serde_json::Value = serde_json::from_slice(&weights[8..8 + header]).unwrap();
    let start = usize::try_from(tensors["heads.irony.bias"]["data_offsets"][0].as_u64().unwrap()).unwrap();
    weights[8 + header + start..][..2].copy_from_slice(&half::f16::NAN.to_le_bytes());
    weights
}
