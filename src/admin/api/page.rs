//! Pages of lists that are in memory as a whole.

use axum::Json;
use serde::{Deserialize, Serialize};

use super::problem::ApiError;

/// The number of items of a page, unless the request names one.
const DEFAULT: usize = 100;

/// The limit of that number.
const MAX: usize = 1000;

/// One page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    /// The cursor of the next page, unless this is the last.
    next: Option<String>,
}

/// The page that a request asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    limit: Option<usize>,
    after: Option<String>,
}

impl<T> Page<T> {
    /// Returns the page of `all`, whose cursor is the name of its last item. Names are unique.
    pub(super) fn of(
        all: Vec<T>,
        query: &PageQuery,
        name: fn(&T) -> &str,
    ) -> Result<Json<Self>, ApiError> {
        let limit = limit(query.limit)?;
        let begin = match &query.after {
            None => 0,
            Some(after) => {
                let last = all.iter().position(|item| name(item) == after);
                let detail = "the list has changed; begin again without `after`";
                last.ok_or_else(|| ApiError::bad_request("bad-cursor", detail))? + 1
            }
        };
        let has_more = all.len() > begin + limit;
        let items: Vec<_> = all.into_iter().skip(begin).take(limit).collect();
        let next = items.last().filter(|_| has_more);
        let next = next.map(|last| name(last).to_owned());
        Ok(Json(Self { items, next }))
    }
}

/// Returns the number of items of a page for which a request asks with this number.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(DEFAULT);
    if (1..=MAX).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("a limit is a number from 1 to {MAX}");
    Err(ApiError::bad_request("bad-limit", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(
        limit: Option<usize>,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), ApiError> {
        let all = ["a", "b", "c"].map(str::to_owned).to_vec();
        let query = PageQuery {
            limit,
            after: after.map(str::to_owned),
        };
        Page::of(all, &query, String::as_str).map(|Json(page)| (page.items, page.next))
    }

    #[test]
    fn the_pages_of_a_list_have_each_item_once() {
        let first = page(Some(2), None).expect("a page");
        assert_eq!(
            first,
            (vec!["a".to_owned(), "b".to_owned()], Some("b".to_owned()))
        );
        let second = page(Some(2), Some("b")).expect("a page");
        assert_eq!(second, (vec!["c".to_owned()], None));
        assert_eq!(page(Some(3), None).expect("a page").1, None);
        assert_eq!(page(None, Some("c")).expect("a page"), (Vec::new(), None));
        for (limit, after) in [(Some(0), None), (Some(1001), None), (None, Some("x"))] {
            assert!(page(limit, after).is_err());
        }
    }
}
