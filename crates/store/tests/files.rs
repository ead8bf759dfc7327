//! The model file and the checkpoint: what is written is what is read, and nothing else is.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::HashMap, fs, path::Path};

use glassbox_scratch::{Moments, Optimizer};
use glassbox_spec::{Architecture, Fit, ImageShape, Normalise, Parameters, Plan, Preprocessing};
use glassbox_store::{Checkpoint, ModelFile, StoreError, Training};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

fn model() -> ModelFile {
    let architecture = Architecture::preset("reference", 3).unwrap();
    let plan = architecture
        .plan(ImageShape::new(3, 28, 30).unwrap())
        .unwrap();
    ModelFile {
        architecture,
        classes: ["cat", "dog", "ö \"quoted\""].map(String::from).to_vec(),
        preprocessing: Preprocessing {
            fit: Fit {
                height: 28,
                width: 30,
                channels: 3,
                invert: false,
            },
            normalise: Normalise {
                scale: 1.0 / 255.0,
                mean: vec![0.1, 0.2, 0.3],
                std: vec![0.4, 0.5, 0.6],
            },
        },
        training: Training {
            dataset: "pets".into(),
            digest: "abc".into(),
            epochs: 4,
            seed: u64::MAX,
            validation_accuracy: Some(0.1 + 0.2),
            test_accuracy: None,
            version: "0.1.0".into(),
        },
        parameters: plan.initial_parameters(7),
    }
}

fn plan(model: &ModelFile) -> Plan {
    model.plan(Path::new("m")).unwrap()
}

/// Writes a safetensors file by hand.
fn write(path: &Path, parameters: &Parameters, metadata: Option<&str>) {
    let bytes: Vec<(String, Vec<u8>, Vec<usize>)> = parameters
        .iter()
        .map(|p| {
            let bytes = p.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (p.name.clone(), bytes, p.shape.clone())
        })
        .collect();
    let views = bytes.iter().map(|(name, bytes, shape)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    let metadata = metadata.map(|text| HashMap::from([("glassbox".to_string(), text.to_string())]));
    fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
}

fn metadata(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    header.metadata().as_ref().unwrap()["glassbox"].clone()
}

fn sorted(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.keys().is_sorted() && map.values().all(sorted),
        Value::Array(items) => items.iter().all(sorted),
        _ => true,
    }
}

#[test]
fn a_model_file_round_trips_and_is_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (
        folder.path().join("a.safetensors"),
        folder.path().join("b.safetensors"),
    );
    model().write(&a).unwrap();
    model().write(&b).unwrap();
    assert_eq!(ModelFile::read(&a).unwrap(), model());
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let text = metadata(&a);
    assert!(sorted(&serde_json::from_str(&text).unwrap()) && text.starts_with("{\"architecture\""));
    // As any safetensors tool reads it.
    let bytes = fs::read(&a).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(
        tensors.tensor("conv2.weight").unwrap().shape(),
        [64, 32, 3, 3]
    );
    assert_eq!(tensors.tensor("dense2.weight").unwrap().shape(), [3, 64]);
    assert_eq!(tensors.len(), 10);
}

#[test]
fn every_misfit_of_a_tensor_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    model().write(&path).unwrap();
    let text = metadata(&path);
    let mut parameters = model().parameters;
    parameters[0].shape = vec![3, 32, 3, 3];
    parameters[1].name = "conv1.biass".into();
    parameters[2].values[5] = f32::NAN;
    write(&path, &parameters, Some(&text));
    let Err(StoreError::Tensors { problems, .. }) = ModelFile::read(&path) else {
        panic!("accepted")
    };
    assert_eq!(problems.len(), 4, "{problems:?}");
    for part in [
        "conv1.weight has shape",
        "conv1.bias is missing",
        "conv2.weight holds NaN",
        "conv1.biass is not",
    ] {
        assert!(
            problems.iter().any(|p| p.contains(part)),
            "{part}: {problems:?}"
        );
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    assert!(matches!(ModelFile::read(&path), Err(StoreError::Io { .. })));
    model().write(&path).unwrap();
    let (whole, text) = (fs::read(&path).unwrap(), metadata(&path));
    for cut in [0, 4, 8, 200, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(
            matches!(ModelFile::read(&path), Err(StoreError::Format { .. })),
            "cut at {cut}"
        );
    }
    let mut lying = whole.clone();
    lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, lying).unwrap();
    assert!(matches!(
        ModelFile::read(&path),
        Err(StoreError::Format { .. })
    ));

    let parameters = model().parameters;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        write(&path, &parameters, Some(&value.to_string()));
        ModelFile::read(&path).unwrap_err()
    };
    assert!(matches!(
        with(&|v| v["format"] = json!(2)),
        StoreError::Metadata { .. }
    ));
    assert!(matches!(
        with(&|v| v["extra"] = json!(2)),
        StoreError::Metadata { .. }
    ));
    assert!(matches!(
        with(&|v| v["classes"] = json!(["a"])),
        StoreError::Metadata { .. }
    ));
    assert!(matches!(
        with(&|v| *v = json!([])),
        StoreError::Metadata { .. }
    ));
    assert!(matches!(
        with(&|v| v["preprocessing"]["normalise"]["std"] = json!([0, 1, 1])),
        StoreError::Preprocessing { .. }
    ));
    assert!(matches!(
        with(&|v| v["preprocessing"]["fit"]["height"] = json!(9)),
        StoreError::Architecture { .. }
    ));
    assert!(matches!(
        with(&|v| v["architecture"]["layers"][0]["filters"] = json!(31)),
        StoreError::Tensors { .. }
    ));
    write(&path, &parameters, None);
    assert!(matches!(
        ModelFile::read(&path),
        Err(StoreError::Metadata { .. })
    ));
    write(&path, &parameters, Some("{"));
    assert!(matches!(
        ModelFile::read(&path),
        Err(StoreError::Metadata { .. })
    ));
}

#[test]
fn a_checkpoint_round_trips_for_each_optimizer_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("epoch-1.safetensors");
    let model = model();
    let plan = plan(&model);
    let sgd = Optimizer::Sgd { momentum: 0.9 };
    for (optimizer, other) in [(Optimizer::Adam, sgd), (sgd, Optimizer::Adam)] {
        let values = optimizer.moments().iter().zip(8..);
        let checkpoint = Checkpoint {
            parameters: model.parameters.clone(),
            moments: Moments {
                step: 12,
                values: values
                    .map(|(prefix, seed)| (*prefix, plan.initial_parameters(seed)))
                    .collect(),
            },
            state: json!({"epoch": 3, "loss": 0.1 + 0.2}),
        };
        checkpoint.write(&path).unwrap();
        let read = Checkpoint::<Value>::read(&path, &plan, optimizer).unwrap();
        assert_eq!(read, checkpoint);
        assert!(matches!(
            Checkpoint::<Value>::read(&path, &plan, other),
            Err(StoreError::Tensors { .. })
        ));
        assert!(
            ModelFile::read(&path).is_err(),
            "a checkpoint is no model file"
        );
    }
    model.write(&path).unwrap();
    assert!(
        Checkpoint::<Value>::read(&path, &plan, sgd).is_err(),
        "a model file is no checkpoint"
    );
}

#[test]
fn bytes_are_what_is_written_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    // Written by an earlier version.
    let built_in = include_bytes!("../../infer/models/mnist.safetensors");
    let model = ModelFile::parse(&path, built_in).unwrap();
    assert_eq!(model.to_bytes(&path).unwrap(), built_in);
    model.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), built_in);
    let checkpoint = Checkpoint {
        parameters: model.parameters.clone(),
        moments: Moments::default(),
        state: json!({}),
    };
    checkpoint.write(&path).unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        checkpoint.to_bytes(&path).unwrap()
    );
}

#[test]
fn a_changed_bit_of_a_checkpoint_is_noticed() {
    let model = model();
    let path = Path::new("c");
    let checkpoint = Checkpoint {
        parameters: model.parameters.clone(),
        moments: Moments::default(),
        state: json!({"epoch": 3}),
    };
    let mut bytes = checkpoint.to_bytes(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = Checkpoint::<Value>::parse(path, &bytes, &plan(&model), Optimizer::Adam);
    assert!(matches!(error, Err(StoreError::Format { .. })));
}
