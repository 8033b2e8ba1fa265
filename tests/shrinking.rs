//! Memory that is given back changes nothing but the names of what comes afterwards and the order
//! in which receivers are named: not what is told, to whom and in which order, nor what is refused.

use adsum::Time;
use adsum_model::hasher::Constant;
use adsum_model::host::given;
use adsum_model::queries::equal;
use adsum_model::told::{Names, hear};
use adsum_model::{Case, Event, Host, Model, strategy};

/// An engine that runs a case, and what it has been heard to say of its sessions by their order.
struct Side {
    host: Host<u32, Constant>,
    /// Says which sessions there are, as the operations of a case name them.
    model: Model,
    names: Names,
}

impl Side {
    fn new(case: &Case) -> Self {
        let (config, choice) = (case.setup.config(), case.setup.choice());
        let model = Model::with_choice(&config, choice);
        let host = Host::with_choice(config, choice, Constant);
        Self { host, model, names: Names::default() }
    }

    /// Does what happens, and returns the moment and all that was told.
    fn told(&mut self, (now, event): (Time, Event)) -> Result<Vec<String>, String> {
        let outcome = self.host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
        _ = self.model.apply(now.as_millis(), &event, given(&outcome));
        let mut told = vec![format!("{now:?}")];
        hear(&mut self.names, &mut told, &event, &outcome);
        Ok(told)
    }
}

#[test]
fn what_is_told_is_the_same_whenever_memory_is_given_back() {
    strategy::check(300, 80, |case| {
        let (mut plain, mut shrunk) = (Side::new(&case), Side::new(&case));
        for (nth, op) in case.ops.iter().enumerate() {
            // At moments that have nothing to do with what is done.
            if nth.wrapping_mul(0x9e37_79b9) >> 3 & 3 == 0 {
                shrunk.host.engine.shrink_to_fit();
            }
            let happens = op.decode(&plain.model, nth as u32);
            // Whom a host removes is chosen among those in the topic by their keys.
            let here = match happens.1 {
                Event::Remove { .. } => happens.clone(),
                _ => op.decode(&shrunk.model, nth as u32),
            };
            let (one, other) = (plain.told(happens)?, shrunk.told(here)?);
            equal(&format!("what {op:?} tells"), other, one)?;
            let [one, other] = [&plain, &shrunk].map(|side| &side.host.engine);
            equal("the counts", other.counts(), one.counts())?;
            // The host calls `advance` once more where the deadline is earlier.
            let mut figures = other.stats();
            figures.inputs = one.stats().inputs;
            equal("the figures", figures, one.stats())?;
            // It may be earlier than what is due.
            equal("a deadline", other.deadline().is_some(), one.deadline().is_some())?;
        }
        Ok(shrunk.host.engine.verify()?)
    });
}

/// Two engines that give memory back at the same places agree in everything.
#[test]
fn giving_memory_back_is_an_input_like_any_other() {
    strategy::check(100, 80, |case| {
        let mut sides = [Side::new(&case), Side::new(&case)];
        for (nth, op) in case.ops.iter().enumerate() {
            let mut all = Vec::new();
            for side in &mut sides {
                if nth % 5 == 2 {
                    side.host.engine.shrink_to_fit();
                }
                let (now, event) = op.decode(&side.model, nth as u32);
                let outcome = side.host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
                _ = side.model.apply(now.as_millis(), &event, given(&outcome));
                all.push(format!("{event:?} {outcome:?}"));
            }
            equal("what is told", &all[0], &all[1])?;
        }
        Ok(())
    });
}
