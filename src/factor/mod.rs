//! Factors: the panel of daily columns, the expression language, the factor families, and how they are judged.
//!
//! Pure: takes values and returns values. NaN means missing and never turns into 0; nothing here looks past the
//! row it is asked about unless an expression says so (`Ref(x, -n)`), and such an expression is marked.
//!
//! | module | for |
//! |---|---|
//! | [`panel`] | sessions × instruments, one column a field, built without look-ahead |
//! | [`expr`] | Qlib's expression language: lexer, parser, checker, evaluation |
//! | [`kernels`] | the arithmetic of the operators |
//! | [`sets`] | the four families as data |
//! | [`sentiment`] | the tone of a headline |
//! | [`process`], [`rank`] | winsorised z-scores, weighted blends, deterministic ranks |
//! | [`processors`] | Qlib's processors on columns of values |
//! | [`evaluate`] | information coefficients |
//! | [`facts`] | market facts for risk checks |

pub mod evaluate;
pub mod expr;
pub mod facts;
pub mod kernels;
pub mod panel;
pub mod process;
pub mod processors;
pub mod rank;
pub mod sentiment;
pub mod sets;

pub use expr::{ExprError, Expression, compute};
pub use panel::{Column, Panel, PanelBuilder, PanelError};
