//! The word that was probably meant, for whoever mistyped one.

/// The one of `words` that is nearest to `wrong`, where one is near enough to be a slip.
pub(crate) fn nearest<'w>(
    wrong: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    // Longer words are nobody's slip, and the distance costs their length squared.
    if wrong.len() > 64 {
        return None;
    }
    let lower = wrong.to_lowercase();
    let tolerance = (lower.chars().count() / 3).max(1);
    words
        .into_iter()
        .map(|word| (strsim::osa_distance(&lower, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The help for an unknown word: the nearest one, or all of them.
pub(crate) fn suggest(wrong: &str, words: &[&str]) -> String {
    match nearest(wrong, words.iter().copied()) {
        Some(word) => format!("did you mean {word:?}?"),
        None if words.is_empty() => "nothing can stand here".to_owned(),
        None => format!("known are {}", words.join(", ")),
    }
}
