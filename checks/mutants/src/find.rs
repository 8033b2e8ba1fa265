//! Finds in a source what each mutant changes, and says how to switch between the two.

use serde_json::Value;
use std::collections::HashMap;
use std::mem::replace;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Pat};

/// A mutant behind a switch: `before`, its own text and `between` are put before the stretch `of`
/// the source, and `after` behind it.
#[derive(Debug)]
pub struct Switch {
    pub id: u64,
    pub of: Range<usize>,
    /// The order of those that switch the same stretch: outside in.
    pub rank: u8,
    pub before: String,
    pub text: String,
    pub between: String,
    pub after: String,
    pub in_const_fn: bool,
}

/// What a mutant is looked up by: its sort, and where it begins by line and column.
type Place<'m> = (&'m str, u64, u64);

/// Returns the switches for the mutants of a file.
pub fn switches(source: &str, mutants: &[&Value]) -> syn::Result<Vec<Switch>> {
    let mut wanted: HashMap<Place<'_>, Vec<&Value>> = HashMap::new();
    for mutant in mutants {
        let start = &mutant["span"]["start"];
        let number = |name| start[name].as_u64().unwrap_or_default();
        let place =
            (mutant["genre"].as_str().unwrap_or_default(), number("line"), number("column"));
        wanted.entry(place).or_default().push(mutant);
    }
    let file = syn::parse_file(source)?;
    let mut finder = Finder {
        source,
        wanted,
        found: Vec::new(),
        evaluated: Evaluated::AtRunTime,
        chain: None,
        is_total: false,
    };
    finder.visit_file(&file);
    Ok(finder.found)
}

/// When the code that is looked at is evaluated.
#[derive(Clone, Copy, PartialEq)]
enum Evaluated {
    AtRunTime,
    /// In a `const fn`.
    AtEither,
    /// In a constant, where no switch can be.
    WhenCompiled,
}

/// How strongly an operator binds among those that it may be changed into. Those of different
/// classes are never changed into each other.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Logic,
    Comparison,
    Arithmetic,
    Assignment,
}

/// The operators of one class that stand next to each other without parentheses. A change of one
/// may change what all of them apply to.
#[derive(Clone)]
struct Chain {
    class: Class,
    of: Range<usize>,
    has_let: bool,
}

struct Finder<'s, 'm> {
    source: &'s str,
    wanted: HashMap<Place<'m>, Vec<&'m Value>>,
    found: Vec<Switch>,
    evaluated: Evaluated,
    chain: Option<Chain>,
    /// Whether the innermost match has an arm for whatever no other arm takes.
    is_total: bool,
}

const RANK_ARM: u8 = 0;
const RANK_GUARD: u8 = 1;
const RANK_EXPRESSION: u8 = 2;

impl<'m> Finder<'_, 'm> {
    /// Returns the mutants of a sort that begin where this does.
    fn at(&self, genre: &'static str, of: &impl Spanned) -> Vec<&'m Value> {
        if self.evaluated == Evaluated::WhenCompiled {
            return Vec::new();
        }
        let start = of.span().start();
        let place = (genre, start.line as u64, start.column as u64 + 1);
        self.wanted.get(&place).cloned().unwrap_or_default()
    }

    /// Adds a switch; in `before`, `between` and `after` a `#` stands for whether it is on.
    fn add(&mut self, mutant: &Value, of: Range<usize>, rank: u8, text: String, around: [&str; 3]) {
        let id = mutant["id"].as_u64().expect("each mutant has a number");
        let is_on = format!("crate::switch::is_on({id})");
        let [before, between, after] = around.map(|text| text.replace('#', &is_on));
        let in_const_fn = self.evaluated == Evaluated::AtEither;
        self.found.push(Switch { id, of, rank, before, text, between, after, in_const_fn });
    }

    /// Adds a switch between an expression and a mutant of it.
    fn add_expression(&mut self, mutant: &Value, of: Range<usize>, text: String) {
        self.add(mutant, of, RANK_EXPRESSION, text, ["(if # { (", ") } else { (", ") })"]);
    }

    fn during(&mut self, evaluated: Evaluated, visit: impl FnOnce(&mut Self)) {
        let before = replace(&mut self.evaluated, evaluated);
        visit(self);
        self.evaluated = before;
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let evaluated = match signature.constness {
            Some(_) => Evaluated::AtEither,
            None => Evaluated::AtRunTime,
        };
        self.during(evaluated, |this| {
            let Some(first) = block.stmts.first() else { return };
            let of = block.brace_token.span.open().byte_range().end
                ..block.brace_token.span.close().byte_range().start;
            let around = match &signature.output {
                syn::ReturnType::Type(_, output) if is_opaque(output) => {
                    if leaves_early(block) {
                        return;
                    }
                    [
                        " if # { crate::switch::Either::Mutant(",
                        ") } else { crate::switch::Either::Usual({",
                        "}) } ",
                    ]
                }
                _ => [" if # { return ", "; }", ""],
            };
            for mutant in this.at("FnValue", first) {
                this.add(mutant, of.clone(), RANK_EXPRESSION, replacement(mutant), around);
            }
        });
        self.during(evaluated, |this| visit::visit_block(this, block));
    }
}

/// Returns whether a type hides another one, so that all that is returned has to be of one type.
fn is_opaque(output: &syn::Type) -> bool {
    struct Opaque(bool);
    impl Visit<'_> for Opaque {
        fn visit_type_impl_trait(&mut self, _: &syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut opaque = Opaque(false);
    opaque.visit_type(output);
    opaque.0
}

/// Returns whether a body returns before its end.
fn leaves_early(block: &syn::Block) -> bool {
    struct Early(bool);
    impl Visit<'_> for Early {
        fn visit_expr_return(&mut self, _: &syn::ExprReturn) {
            self.0 = true;
        }

        fn visit_expr_try(&mut self, _: &syn::ExprTry) {
            self.0 = true;
        }

        fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
        fn visit_item(&mut self, _: &syn::Item) {}
    }
    let mut early = Early(false);
    early.visit_block(block);
    early.0
}

fn replacement(mutant: &Value) -> String {
    mutant["replacement"].as_str().unwrap_or_default().to_owned()
}

fn range(of: &impl Spanned) -> Range<usize> {
    of.span().byte_range()
}

/// Returns the class of an operator, and how strongly it binds in it.
fn precedence(operator: &str) -> (Class, u8) {
    match operator {
        "||" => (Class::Logic, 0),
        "&&" => (Class::Logic, 1),
        "==" | "!=" | "<" | ">" | "<=" | ">=" => (Class::Comparison, 0),
        "|" => (Class::Arithmetic, 0),
        "^" => (Class::Arithmetic, 1),
        "&" => (Class::Arithmetic, 2),
        "<<" | ">>" => (Class::Arithmetic, 3),
        "+" | "-" => (Class::Arithmetic, 4),
        "*" | "/" | "%" => (Class::Arithmetic, 5),
        _ => (Class::Assignment, 0),
    }
}

/// Returns whether a condition has a `let` in it, which has to stay where it is.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
            has_let(&binary.left) || has_let(&binary.right)
        }
        _ => false,
    }
}

impl Visit<'_> for Finder<'_, '_> {
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
    }

    fn visit_item_const(&mut self, item: &syn::ItemConst) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_item_const(this, item));
    }

    fn visit_item_static(&mut self, item: &syn::ItemStatic) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_item_static(this, item));
    }

    fn visit_impl_item_const(&mut self, item: &syn::ImplItemConst) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_impl_item_const(this, item));
    }

    fn visit_trait_item_const(&mut self, item: &syn::TraitItemConst) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_trait_item_const(this, item));
    }

    fn visit_expr_const(&mut self, expr: &syn::ExprConst) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_expr_const(this, expr));
    }

    fn visit_variant(&mut self, variant: &syn::Variant) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_variant(this, variant));
    }

    fn visit_type(&mut self, of: &syn::Type) {
        self.during(Evaluated::WhenCompiled, |this| visit::visit_type(this, of));
    }

    fn visit_expr_repeat(&mut self, repeat: &syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.during(Evaluated::WhenCompiled, |this| this.visit_expr(&repeat.len));
    }

    fn visit_expr(&mut self, expr: &Expr) {
        if matches!(expr, Expr::Binary(_)) {
            visit::visit_expr(self, expr);
        } else {
            let chain = self.chain.take();
            visit::visit_expr(self, expr);
            self.chain = chain;
        }
    }

    fn visit_expr_binary(&mut self, expr: &syn::ExprBinary) {
        let (of, operator) = (range(expr), range(&expr.op));
        let (class, strength) = precedence(&self.source[operator.clone()]);
        let outer = self.chain.clone();
        let chain = outer.clone().filter(|outer| outer.class == class).unwrap_or_else(|| Chain {
            class,
            of: of.clone(),
            has_let: has_let(&expr.left) || has_let(&expr.right),
        });
        for mutant in self.at("BinaryOperator", &expr.op) {
            let other = replacement(mutant);
            let of = if precedence(&other) == (class, strength) { &of } else { &chain.of };
            if class != Class::Logic || !chain.has_let {
                let [before, after] = [of.start..operator.start, operator.end..of.end];
                let [before, after] = [before, after].map(|part| &self.source[part]);
                // A `<` behind a type would begin a list of its generic arguments.
                let text = match *expr.left {
                    Expr::Cast(_) if other.starts_with('<') => format!("({before}) {other}{after}"),
                    _ => [before, &other, after].concat(),
                };
                self.add_expression(mutant, of.clone(), text);
            }
        }
        self.chain = Some(chain);
        self.visit_expr(&expr.left);
        self.visit_expr(&expr.right);
        self.chain = outer;
    }

    fn visit_expr_unary(&mut self, expr: &syn::ExprUnary) {
        let of = range(expr);
        for mutant in self.at("UnaryOperator", &expr.op) {
            let text = self.source[range(&expr.op).end..of.end].to_owned();
            self.add_expression(mutant, of.clone(), text);
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &syn::ExprMatch) {
        let is_total = |arm: &syn::Arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none();
        let before = replace(&mut self.is_total, expr.arms.iter().any(is_total));
        visit::visit_expr_match(self, expr);
        self.is_total = before;
    }

    fn visit_arm(&mut self, arm: &syn::Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| guard);
        let pattern = range(&arm.pat).end;
        // What has no arm for all the rest may well not compile without this arm.
        let without = if self.is_total { self.at("MatchArm", arm) } else { Vec::new() };
        for mutant in without {
            let (of, around) = match guard {
                Some(guard) => (range(guard), ["(", " && (", "))"]),
                None => (pattern..pattern, [" if ", "", ""]),
            };
            let id = &mutant["id"];
            let text = format!("!crate::switch::is_on({id})");
            self.add(mutant, of, RANK_ARM, text, around);
        }
        if let Some(guard) = guard {
            for mutant in self.at("MatchArmGuard", guard) {
                let around = match &*replacement(mutant) {
                    "true" => ["(# || ", "(", "))"],
                    _ => ["(!# && ", "(", "))"],
                };
                self.add(mutant, range(guard), RANK_GUARD, String::new(), around);
            }
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expr: &syn::ExprStruct) {
        for field in &expr.fields {
            let (Some(rest), name) = (&expr.rest, &self.source[range(&field.member)]) else {
                continue;
            };
            let text = format!("({}).{name}", &self.source[range(rest)]);
            let before =
                if field.colon_token.is_none() { format!("{name}: ") } else { String::new() };
            for mutant in self.at("StructField", field) {
                let around = [&*format!("{before}if # {{ "), " } else { ", " }"];
                self.add(mutant, range(&field.expr), RANK_EXPRESSION, text.clone(), around);
            }
        }
        visit::visit_expr_struct(self, expr);
    }
}
