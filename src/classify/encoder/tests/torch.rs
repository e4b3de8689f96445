//! What libtorch says of the golden texts: what the trainer said and what the engine inside the program says by the same
//! weights, in any company.

use super::super::file::Tensors;
use super::super::torch::Torch;
use super::super::{Encoder, Engine, Folder};
use super::engine::{apart, full, sampled, texts};

/// What two ways of adding the same numbers may differ by.
const CLOSE: f32 = 1e-3;

#[test]
fn libtorch_says_what_the_trainer_and_the_program_said() {
    let golden = sampled();
    let torch = Encoder::open_torch(&full(), 2).unwrap();
    let (largest, _) = apart(&torch, &golden);
    assert!(largest < CLOSE, "off the trainer's logits by {largest}");
    let texts = texts(&golden);
    let (found, expected) = (torch.logits(&texts).unwrap(), Encoder::open(&full(), 2).unwrap().logits(&texts).unwrap());
    let pairs = found.iter().zip(&expected).flat_map(|(found, expected)| found.row().into_iter().zip(expected.row()));
    let between = pairs.map(|(found, expected)| (found - expected).abs()).fold(0., f32::max);
    assert!(between < CLOSE, "off the program's logits by {between}");
}

#[test]
fn company_changes_next_to_nothing() {
    let golden = sampled();
    let texts = texts(&golden);
    let torch = Encoder::open_torch(&full(), 2).unwrap();
    let together = torch.means(&texts).unwrap();
    for (text, mean) in texts.iter().zip(together).step_by(20) {
        let alone = torch.means(&[text]).unwrap()[0];
        let apart = alone.iter().zip(mean).map(|(alone, mean)| (alone - mean).abs()).fold(0., f32::max);
        assert!(apart < CLOSE, "{text:?} differs by {apart}");
    }
    assert_eq!(torch.means(&[]).unwrap().len(), 0);
}

#[test]
fn weights_of_eight_bits_are_refused() {
    let refused = Encoder::open_torch(&Folder::EMBEDDED, 1).err().unwrap().to_string();
    assert!(refused.starts_with("model `text-1`: int8.safetensors: weights of 8 bits are for "), "{refused}");
}

/// No text is without a piece, and an engine that was given one goes on.
#[test]
fn a_failure_is_no_mean_and_not_the_end() {
    let torch = Torch::new(&Tensors::parse(full().weights).unwrap(), 1).unwrap();
    assert!(torch.means(&[&[]]).is_none());
    assert_eq!(torch.means(&[&[2, 3]]).unwrap().len(), 1);
}
