//! Adam and SGD with momentum as Burn optimizers whose memory can be read and set by parameter name.
//!
//! Burn keeps an optimizer's state to itself, keyed by identities that change from run to run. Here each parameter has
//! a [`Slot`] that its optimizer works on and that the [`OptimizerHandle`] reads for a checkpoint.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::{
    module::ParamGroup,
    optim::{self, ModuleOptimizer, RecordState, StateSink, StateSource},
    tensor::{Device, Tensor, TensorData},
};
use glassbox_scratch::{Adam, Moments, NetworkError, Optimizer};
use glassbox_spec::Parameter;

use crate::{Blocks, ModelError, Network, kernels, ops::read};

/// Reads what the optimizer of a run remembers.
pub struct OptimizerHandle {
    optimizer: Optimizer,
    slots: Vec<(String, Vec<usize>, Slot)>,
}

/// One parameter's moments, flat, on the device; shared between Burn's optimizer and the handle.
#[derive(Clone, Default)]
struct Slot(Arc<Mutex<SlotState>>);

#[derive(Default)]
struct SlotState {
    step: u64,
    moments: Vec<Tensor<1>>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        // A panic while it was held leaves plain tensors, not a broken invariant.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OptimizerHandle {
    /// A Burn optimizer for `network`, starting from `moments`, and the handle to read them back.
    pub fn new(
        optimizer: Optimizer,
        network: &Network,
        moments: &Moments,
        device: &Device,
    ) -> Result<(ModuleOptimizer, Self), ModelError> {
        let parameters = network.parameters()?;
        check(optimizer, network, moments)?;
        // The first rule must match everything; each parameter then gets one of its own.
        let blocks = network.computed_by();
        let mut burn = ModuleOptimizer::from(Rule {
            optimizer,
            blocks,
            slot: Slot::default(),
        });
        let mut slots = Vec::new();
        for (index, (name, id)) in network.parameter_ids().into_iter().enumerate() {
            let slot = Slot::default();
            {
                let mut state = slot.lock();
                state.step = moments.step;
                for (_, moments) in &moments.values {
                    // Present: `check` compared every name and shape.
                    let moment = moments.iter().find(|moment| moment.name == name);
                    let values = moment.map(|m| m.values.clone()).unwrap_or_default();
                    let count = values.len();
                    state
                        .moments
                        .push(Tensor::from_data(TensorData::new(values, [count]), device));
                }
            }
            let rule = Rule {
                optimizer,
                blocks,
                slot: slot.clone(),
            };
            burn = burn.with_group(ParamGroup::from_ids(vec![id]), rule, None);
            slots.push((name, parameters[index].shape.clone(), slot));
        }
        Ok((burn, Self { optimizer, slots }))
    }

    /// Copies the moments to the host.
    pub fn moments(&self) -> Result<Moments, ModelError> {
        let mut moments = Moments::default();
        for (position, prefix) in self.optimizer.moments().iter().enumerate() {
            let mut parameters = Vec::with_capacity(self.slots.len());
            for (name, shape, slot) in &self.slots {
                let state = slot.lock();
                moments.step = state.step;
                let values = match state.moments.get(position) {
                    Some(moment) => read(moment.clone())?.1,
                    None => vec![0.0; shape.iter().product()],
                };
                parameters.push(Parameter {
                    name: name.clone(),
                    shape: shape.clone(),
                    values,
                });
            }
            moments.values.push((prefix, parameters));
        }
        Ok(moments)
    }
}

/// Fails unless the moments are the optimizer's, one to each parameter, or it has not made a step.
fn check(optimizer: Optimizer, network: &Network, moments: &Moments) -> Result<(), ModelError> {
    if moments.values.is_empty() {
        return Ok(());
    }
    let prefixes = moments.values.iter().map(|(prefix, _)| *prefix);
    let mut problems = Vec::new();
    if !prefixes.eq(optimizer.moments().iter().copied()) {
        problems.push("the moments are another optimizer's".to_string());
    }
    for (_, parameters) in &moments.values {
        problems.extend(network.plan.validate(parameters));
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(NetworkError::Parameters { problems }.into())
}

/// The update of one parameter.
#[derive(Clone)]
struct Rule {
    optimizer: Optimizer,
    blocks: Blocks,
    slot: Slot,
}

/// Burn wants a state for each parameter; ours lives in the slot.
#[derive(Clone)]
struct InSlot;

impl RecordState for InSlot {
    fn state_flatten(&self, _prefix: &str, _out: &mut StateSink) {}

    fn state_unflatten(_prefix: &str, _src: &mut StateSource, _device: &Device) -> Option<Self> {
        Some(Self)
    }
}

impl optim::Optimizer for Rule {
    type State<const D: usize> = InSlot;

    fn step<const D: usize>(
        &self,
        rate: optim::LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        _state: Option<InSlot>,
    ) -> (Tensor<D>, Option<InSlot>) {
        // Taken, not cloned: a tensor with one owner is updated in place. And not held: the update waits for other threads.
        let (step, mut moments) = {
            let mut state = self.slot.lock();
            state.step += 1;
            (state.step, std::mem::take(&mut state.moments))
        };
        let parameter = update(
            self.optimizer,
            self.blocks,
            rate,
            step,
            parameter,
            gradient,
            &mut moments,
        );
        self.slot.lock().moments = moments;
        (parameter, Some(InSlot))
    }

    fn to_device<const D: usize>(state: InSlot, _device: &Device) -> InSlot {
        state
    }
}

/// The updated parameter at `step` (from 1), by the formulas of [`glassbox_scratch::reference::adam_step`] and
/// [`glassbox_scratch::reference::sgd_step`]; `moments`, flat, are updated too, and begin at zero where there are none.
#[allow(clippy::too_many_arguments)] // those of the rules, and what computes them
pub fn update<const D: usize>(
    optimizer: Optimizer,
    blocks: Blocks,
    rate: f64,
    step: u64,
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: &mut Vec<Tensor<1>>,
) -> Tensor<D> {
    if let Blocks::Kernels(level) = blocks {
        return kernels::update(level, optimizer, rate, step, parameter, gradient, moments);
    }
    let dims = parameter.dims();
    let count = dims.iter().product::<usize>();
    let gradient = gradient.reshape([count]);
    let mut kept = std::mem::take(moments).into_iter();
    let mut moment = || {
        let zeros = || Tensor::zeros([count], &gradient.device());
        kept.next().unwrap_or_else(zeros)
    };
    let change = match optimizer {
        Optimizer::Adam => {
            let adam = Adam::KERAS;
            let m =
                moment().mul_scalar(adam.beta_1) + gradient.clone().mul_scalar(1.0 - adam.beta_1);
            let v = moment().mul_scalar(adam.beta_2)
                + (gradient.clone() * gradient).mul_scalar(1.0 - adam.beta_2);
            let rate = rate * adam.correction(step);
            let change = m.clone().mul_scalar(rate) / v.clone().sqrt().add_scalar(adam.epsilon);
            *moments = vec![m, v];
            change
        }
        Optimizer::Sgd { momentum } => {
            let velocity = moment().mul_scalar(momentum) + gradient;
            let change = velocity.clone().mul_scalar(rate);
            *moments = vec![velocity];
            change
        }
    };
    parameter - change.reshape(dims)
}
