//! Who runs the workload, under which load, and what each came to.
//!
//! Contenders take turns: each runs all loads once, then the next one does, and then all of it again. So when a
//! shared machine gets slower, it gets slower for all of them.

use super::figures::{Figures, Spread};

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// So many sagas in flight at any time.
    InFlight(u32),
    /// The same, and the payment of so many percent is refused, so that the saga walks back up.
    Failing {
        /// Sagas in flight.
        in_flight: u32,
        /// Percent.
        percent: u8,
    },
    /// So many starts per second, whatever becomes of them.
    PerSecond(f64),
}

/// How long a run takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Before anything counts.
    pub warmup: u64,
    /// What counts.
    pub seconds: u64,
}

/// Something that runs sagas.
pub trait Contender {
    /// What tables call it.
    fn name(&self) -> String;

    /// Brings it up, with nothing stored.
    ///
    /// # Errors
    /// When it does not come up.
    fn start(&self) -> anyhow::Result<Box<dyn Running>>;

    /// Whether it takes failing orders and open loops too, and not only closed loops.
    fn takes_all_loads(&self) -> bool {
        false
    }
}

/// A contender that is up; it goes down when dropped.
pub trait Running {
    /// Runs one load.
    ///
    /// # Errors
    /// When it can't be run; sagas that fail are counted instead.
    fn drive(&mut self, load: Load, length: Length) -> anyhow::Result<Figures>;
}

/// The runs of each contender under each load.
#[derive(Debug, Default)]
pub struct Results {
    rows: Vec<Row>,
}

/// The runs of one contender under one load.
#[derive(Debug)]
pub struct Row {
    /// What tables call the load.
    pub load: String,
    /// What they call the contender.
    pub contender: String,
    /// One for each repeat.
    pub runs: Vec<Figures>,
}

impl Results {
    /// Adds a run.
    pub fn add(&mut self, load: &str, contender: &str, run: Figures) {
        match self.rows.iter_mut().find(|row| row.load == load && row.contender == contender) {
            Some(row) => row.runs.push(run),
            None => {
                let (load, contender) = (load.to_owned(), contender.to_owned());
                self.rows.push(Row { load, contender, runs: vec![run] });
            }
        }
    }

    /// Everything, in the order in which it first came.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The loads, in the order in which they first came.
    #[must_use]
    pub fn loads(&self) -> Vec<&str> {
        let mut loads: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !loads.contains(&row.load.as_str()) {
                loads.push(&row.load);
            }
        }
        loads
    }

    /// The median of a figure of one contender under one load.
    #[must_use]
    pub fn median(
        &self,
        load: &str,
        contender: &str,
        figure: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.load == load && row.contender == contender)?;
        row.spread(figure).map(|spread| spread.median)
    }
}

impl Row {
    /// One figure over the runs.
    #[must_use]
    pub fn spread(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(figure))
    }
}
