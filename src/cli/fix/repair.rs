//! The repair of one text: what may be filled in, what became of it, and what is left.

use anyhow::{Context, bail};

use crate::cli::judge::Judge;
use crate::engine::{self, Fix, Violation};
use crate::manifest::{self, Document};
use crate::pod;
use crate::report::Outcome;
use crate::report::fix::Object;
use crate::rules::{Applicability, Fill, Remedy};
use crate::yaml::{self, Insertion, Limits, Refusal, Segment};

/// Fills in what may be, and judges the result. Lines are told of the text that there will be, and in a
/// trial of the one that there is.
///
/// # Errors
/// Where the result is not what it should be. Nothing may be written then.
pub(super) fn repair(
    judge: &Judge<'_>,
    (up_to, is_trial): (Applicability, bool),
    file: &str,
    text: &str,
    documents: &[Document],
) -> anyhow::Result<(String, Vec<Object>)> {
    let mut repair = Repair {
        text: text.to_owned(),
        progress: documents.iter().map(|_| Progress::default()).collect(),
    };
    let fixes = |document: &Document| {
        engine::fixes(judge.set, &judge.attributes(document), up_to, judge.now)
    };
    repair.fill(documents, documents.iter().map(fixes).collect())?;
    let again = manifest::read(&repair.text)?;
    // What the labels of a namespace ask for comes last: it may hold by now.
    let labelled = |document: &Document| labelled_fixes(judge, up_to, file, document);
    repair.fill(&again, again.iter().map(labelled).collect())?;

    let told_of = if is_trial { text.to_owned() } else { repair.text.clone() };
    repair.find_refused_in(&told_of)?;
    let after = manifest::read(&repair.text)?;
    if after.len() != documents.len() {
        bail!("would not hold the same objects afterwards; fix it by hand");
    }
    let mut objects = Vec::with_capacity(after.len());
    for ((old, new), progress) in documents.iter().zip(&after).zip(repair.progress) {
        let mut entry = judge.judge(file, new);
        if is_trial {
            entry.line = old.line();
            if let Outcome::Judged(decision, positions) = &mut entry.result {
                let position =
                    |violation: &Violation| old.position_of(&violation.finding.path.to_string());
                *positions = decision.violations.iter().map(position).collect();
            }
        }
        let reasons = match &entry.result {
            Outcome::Judged(decision, _) => {
                let violations = &decision.violations;
                let still = progress
                    .filled
                    .iter()
                    .find(|fix| violations.iter().any(|v| is_of(v, &fix.fill)));
                if let Some(Fix { fill, rule, .. }) = still {
                    bail!(
                        "line {}: {rule} would not hold after {fill}; fix it by hand",
                        new.line()
                    );
                }
                violations.iter().map(|violation| reason(violation, up_to, &progress)).collect()
            }
            Outcome::Failed(error) if !progress.filled.is_empty() => {
                let line = old.line();
                bail!("line {line}: could not be judged any more: {error}; fix it by hand");
            }
            _ => Vec::new(),
        };
        objects.push(Object { entry, filled: progress.filled, reasons });
    }
    Ok((repair.text, objects))
}

struct Repair {
    text: String,
    /// One for each document.
    progress: Vec<Progress>,
}

/// What became of the fills of one object.
#[derive(Default)]
struct Progress {
    filled: Vec<Fix>,
    refused: Vec<Refused>,
}

struct Refused {
    fill: Fill,
    insertion: Insertion,
    refusal: Refusal,
}

impl Repair {
    /// Puts the fixes of each of the text's documents into it.
    fn fill(&mut self, documents: &[Document], fixes: Vec<Vec<Fix>>) -> anyhow::Result<()> {
        let mut insertions = Vec::new();
        let mut asked = Vec::new();
        for (number, (document, fixes)) in documents.iter().zip(fixes).enumerate() {
            for fix in fixes {
                insertions.push(insertion(document, &fix.fill)?);
                asked.push((number, fix));
            }
        }
        if insertions.is_empty() {
            return Ok(());
        }
        let edited = yaml::insert(&self.text, &insertions, Limits::default())?;
        self.text = edited.text;
        for (number, (document, fix)) in asked.into_iter().enumerate() {
            let Some(progress) = self.progress.get_mut(document) else { continue };
            match edited.refused.iter().find(|refusal| refusal.insertion == number) {
                Some(refusal) => progress.refused.push(Refused {
                    fill: fix.fill,
                    insertion: insertions[number].clone(),
                    refusal: refusal.clone(),
                }),
                None => progress.filled.push(fix),
            }
        }
        Ok(())
    }

    /// Gives refusals the lines of `text`: other fills may have moved them.
    fn find_refused_in(&mut self, text: &str) -> anyhow::Result<()> {
        let mut all: Vec<&mut Refused> =
            self.progress.iter_mut().flat_map(|progress| &mut progress.refused).collect();
        let insertions: Vec<Insertion> =
            all.iter().map(|refused| refused.insertion.clone()).collect();
        if insertions.is_empty() {
            return Ok(());
        }
        for refusal in yaml::insert(text, &insertions, Limits::default())?.refused {
            if let Some(refused) = all.get_mut(refusal.insertion) {
                refused.refusal = refusal;
            }
        }
        Ok(())
    }
}

fn insertion(document: &Document, fill: &Fill) -> anyhow::Result<Insertion> {
    let place = &document.place;
    let own = |segment: pod::Segment<'_>| match segment {
        pod::Segment::Key(name) => Segment::Key(name.to_owned()),
        pod::Segment::Index(index) => Segment::Index(index),
    };
    let steps = fill.path.segments().into_iter().map(own);
    Ok(Insertion {
        document: place.document,
        path: place.path.iter().cloned().chain(steps).collect(),
        value: serde_json::from_str(&fill.value).with_context(|| format!("{fill} is not JSON"))?,
    })
}

/// What may be filled in of what the labels of the object's namespace ask for.
fn labelled_fixes(
    judge: &Judge<'_>,
    up_to: Applicability,
    file: &str,
    document: &Document,
) -> Vec<Fix> {
    let Outcome::Judged(decision, _) = judge.judge(file, document).result else {
        return Vec::new();
    };
    let mut fixes: Vec<Fix> = Vec::new();
    for violation in &decision.violations {
        if let Some(fill) = violation.finding.remedy.fill()
            && violation.standard.is_some()
            && fill.applicability <= up_to
            && !fixes.iter().any(|fix| fix.fill.repeats(fill))
        {
            let policy = violation.policy.clone();
            fixes.push(Fix { policy, rule: violation.rule.clone(), fill: fill.clone() });
        }
    }
    fixes
}

fn is_of(violation: &Violation, fill: &Fill) -> bool {
    violation.finding.remedy.fill().is_some_and(|remedy| remedy.repeats(fill))
}

/// Why a violation is left.
fn reason(violation: &Violation, up_to: Applicability, progress: &Progress) -> String {
    let Remedy::Fill(fill) = &violation.finding.remedy else {
        return violation.finding.remedy.why_not().unwrap_or_default().to_owned();
    };
    if let Some(Refused { refusal, .. }) =
        progress.refused.iter().find(|refused| refused.fill.repeats(fill))
    {
        return match refusal.line {
            0 => refusal.reason.to_string(),
            line => format!("line {line}: {}", refusal.reason),
        };
    }
    if fill.applicability > up_to {
        return format!("{}, so it takes --applicability all: {}", fill.applicability, fill.reason);
    }
    "the object is not one that can be filled in".to_owned()
}
