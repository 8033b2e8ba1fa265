//! What simulated people are called, and what they say.

/// First names, in several scripts: each goes with each of the last ones of its own script.
pub(super) const NAMES: [(&[&str], &[&str]); 4] = [
    (
        &[
            "Ada", "Amara", "Anton", "Beatriz", "Björn", "Carmen", "Chidi", "Clara", "Dagny",
            "Elif", "Emil", "Fatou", "Finn", "Grace", "Hana", "Ines", "Ivo", "Jana", "Jonas",
            "Kaia", "Leo", "Lena", "Malik", "Marta", "Mira", "Nils", "Noor", "Oskar", "Paula",
            "Quinn", "Rosa", "Samir", "Sofia", "Tariq", "Theo", "Uma", "Viktor", "Wanda", "Yara",
            "Zoë",
        ],
        &[
            "Adeyemi",
            "Berg",
            "Costa",
            "Dubois",
            "Eriksen",
            "Fischer",
            "García",
            "Haas",
            "Ivanov",
            "Jensen",
            "Kowalski",
            "Lindqvist",
            "Moreau",
            "Novák",
            "Okafor",
            "Peters",
            "Rossi",
            "Silva",
            "Tanaka",
            "Weber",
        ],
    ),
    (
        &["ليلى", "عمر", "سارة", "يوسف", "نور", "كريم", "هدى", "سامي"],
        &["حداد", "منصور", "خليل", "الأحمد"],
    ),
    (&["נועה", "דניאל", "תמר", "איתן", "מאיה", "יונתן"], &["לוי", "כהן", "מזרחי"]),
    (&["美咲", "翔太", "さくら", "健", "陽菜", "大輝"], &["佐藤", "鈴木", "高橋"]),
];

/// What they show: as the protocol's clients have it, with words and an emoji.
pub(super) const STATES: [(&str, &str, &str); 24] = [
    ("available", "", ""),
    ("available", "at my desk", "💻"),
    ("available", "reading", "📖"),
    ("available", "tea, then back to it", "🍵"),
    ("available", "back from the weekend", ""),
    ("chat", "ask me anything", "💬"),
    ("chat", "bored on a train", "🚆"),
    ("chat", "who is up for lunch?", "🍜"),
    ("away", "lunch", "🍜"),
    ("away", "walking the dog", "🐕"),
    ("away", "five minutes", ""),
    ("away", "school run", "🚲"),
    ("away", "getting coffee", "☕"),
    ("xa", "on holiday", "🏖️"),
    ("xa", "not well, back tomorrow", "🤒"),
    ("xa", "in another time zone", "🌏"),
    ("busy", "in a call", "📞"),
    ("busy", "writing", "✍️"),
    ("busy", "deep in a bug", "🐛"),
    ("busy", "please wait until four", ""),
    ("busy", "في اجتماع", "📞"),
    ("busy", "בפגישה עד ארבע", ""),
    ("available", "仕事中", "💻"),
    ("busy", "listening to a long song", "🎧"),
];

/// The rooms, and of a hundred people about how many are in each.
pub(super) const ROOMS: [(&str, u64); 8] = [
    ("lobby", 32),
    ("coffee", 18),
    ("music", 14),
    ("gardening", 8),
    ("football", 12),
    ("book club", 6),
    ("rust", 15),
    ("مقهى", 5),
];

/// What they say in rooms.
pub(super) const SAYINGS: [&str; 20] = [
    "Good morning!",
    "Hello everybody",
    "Anybody here from the north?",
    "That was a good one",
    "I will be back in ten minutes",
    "Has anyone read the last chapter?",
    "The kettle is on",
    "Who scored?",
    "It compiles!",
    "It does not compile.",
    "See you tomorrow",
    "My tomatoes are finally red 🍅",
    "مساء الخير",
    "What is the name of that song?",
    "Thanks, that helped",
    "😂",
    "Same here",
    "Is this thing on?",
    "Lunch?",
    "Welcome!",
];

/// What they say when they ask to be friends.
pub(super) const REQUESTS: [&str; 3] =
    ["Hello! We met in the lobby.", "Your friend's friend says hello.", "مرحبا! هل نكون أصدقاء؟"];
