//! What somebody needs who does not see the page, or not well, or has no mouse, or a small screen.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::page::Page;

/// Controls that are on the screen. Of a group of radio buttons the Tab key reaches one only.
const CONTROLS: &str = "
    const named = (it) => it.id || `${it.tagName} ${it.type ?? ''} ${it.name ?? ''} `
        + `${it.getAttribute('aria-label') ?? it.textContent}`;
    const kinds = 'button, input, a[href], select, summary, [tabindex=\"0\"]';
    const controls = () => [...document.querySelectorAll(kinds)]
        .filter((it) => it.checkVisibility() && !it.disabled)
        .filter((it) => it.type !== 'radio' || it.checked);
";

/// Text whose colour is nearer to what is behind it than a ratio (the WCAG's formula).
const FAINT: &str = "
    const [least] = arguments;
    const parse = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return { rgb: [r, g, b], a };
    };
    const light = (rgb) => rgb.map((it) => it / 255)
        .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
        .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (it) => {
        for (let at = it; at; at = at.parentElement) {
            const { rgb, a } = parse(getComputedStyle(at).backgroundColor);
            if (a === 1) return rgb;
        }
        return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
    };
    const ratio = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const texts = [...document.querySelectorAll('body *')].filter((it) => it.checkVisibility()
        && (it.value
            || [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim())));
    const faint = texts
        .map((it) => [it, ratio(parse(getComputedStyle(it).color).rgb, behind(it))])
        .map(([it, found]) => [it.textContent.slice(0, 40), found])
        .filter(([, found]) => found < least);
    return { looked_at: texts.length, faint };
";

impl Page {
    /// As on a phone of this size.
    pub(crate) async fn as_phone(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.browser("Emulation.setDeviceMetricsOverride", metrics).await;
        self.until(&format!("innerWidth === {width}")).await;
    }

    /// As on a machine whose owner has said what they prefer.
    pub(crate) async fn prefer(&self, features: &[(&str, &str)]) {
        let features: Vec<_> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.browser("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    pub(crate) async fn assert_no_sideways_scroll(&self) {
        let script = "
            scrollTo(10000, 0);
            const wide = [...document.querySelectorAll('body *')].filter((it) =>
                !it.closest('.for-ears') && it.checkVisibility()
                    && it.getBoundingClientRect().right > innerWidth + 0.5);
            return { scrolled: scrollX, width: document.documentElement.scrollWidth - innerWidth,
                wide: wide.map((it) => it.outerHTML.slice(0, 100)) };";
        let found = self.run(script).await;
        assert_eq!(found, json!({ "scrolled": 0, "width": 0, "wide": [] }));
    }

    /// Goes round once with the Tab key, from the top of the page.
    pub(crate) async fn assert_tab_reaches_every_control(&self) {
        let all = self.run(&format!("{CONTROLS} return controls().map(named)")).await;
        let all: Vec<String> = serde_json::from_value(all).unwrap();
        assert!(all.len() > 4, "{all:?}");
        self.run("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
            .await;
        let mut reached = BTreeSet::new();
        // Some more than there are controls: on its way round the focus may leave the page once.
        for _ in 0..all.len() + 3 {
            self.tab().await;
            let script = format!(
                "{CONTROLS} const it = document.activeElement;
                 if (it === document.body) return '';
                 const {{ outlineStyle, outlineWidth }} = getComputedStyle(it);
                 const unseen = outlineStyle === 'none' || outlineWidth === '0px';
                 return unseen ? `${{named(it)}}: unseen` : named(it);"
            );
            reached.insert(self.run(&script).await.as_str().unwrap().to_owned());
        }
        reached.remove("");
        assert_eq!(reached, all.into_iter().collect());
    }

    /// The browser's own accessibility tree has a name for whatever can be worked with.
    pub(crate) async fn assert_every_control_is_named(&self) {
        let script = format!(
            "{CONTROLS} controls().forEach((it, at) => {{ it.dataset.control = at; }});
             return controls().length"
        );
        let count = self.run(&script).await.as_u64().unwrap();
        assert!(count > 4, "{count}");
        for at in 0..count {
            let element = self.find(&format!("[data-control='{at}']")).await;
            let (name, role) = self.name_and_role(&element).await;
            let html = element.html(false).await.unwrap();
            assert!(!name.trim().is_empty() && !role.is_empty(), "no name: {html}");
        }
    }

    pub(crate) async fn assert_contrast(&self, least: f64) {
        let found: Value = self.run_with(FAINT, vec![json!(least)]).await;
        assert_eq!(found["faint"], json!([]), "contrast below {least}");
        assert!(found["looked_at"].as_u64().unwrap() > 5);
    }
}
