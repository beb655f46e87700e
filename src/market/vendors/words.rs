//! Words of vendors in our form: names of figures, bounded texts.

use crate::domain::CleanText;

/// Longest name or headline that is kept, in characters.
const TEXT_MAX: usize = 500;
/// Longest name of a figure, in characters.
const NAME_MAX: usize = 160;

/// A text, cleaned and bounded.
pub fn short(text: &str) -> CleanText {
    CleanText::from(text.chars().take(TEXT_MAX).collect::<String>())
}

/// `totalRevenue` and `TotalRevenue` as `total_revenue`; `None` for what is no name of a figure.
pub fn snake(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let mut made = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower_before {
            made.push('_');
        }
        lower_before = !c.is_ascii_uppercase();
        made.push(c.to_ascii_lowercase());
    }
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snakes() {
        let names = ["totalRevenue", "quarterlyDilutedEPS", "EBITDA", "netPPE2"];
        let wanted = ["total_revenue", "quarterly_diluted_eps", "ebitda", "net_ppe2"];
        assert_eq!(names.map(|name| snake(name).unwrap()), wanted);
        assert_eq!([snake(""), snake("a b"), snake("'; drop")], [None, None, None]);
    }
}
