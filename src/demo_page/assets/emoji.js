// @ts-check
// Emoji by the names Slack gives them: those that Otus uses, and those people reach for. Others are shown by their name.

/** @type {Record<string, string>} */
export const EMOJI = {
    "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok: "🆗", ok_hand: "👌", clap: "👏", wave: "👋", pray: "🙏",
    raised_hands: "🙌", muscle: "💪", point_right: "👉", eyes: "👀", tada: "🎉", rocket: "🚀", fire: "🔥", sparkles: "✨",
    star: "⭐", heart: "❤️", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", no_entry: "⛔",
    no_entry_sign: "🚫", octagonal_sign: "🛑", rotating_light: "🚨", bell: "🔔", no_bell: "🔕", lock: "🔒", unlock: "🔓",
    key: "🔑", hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️", alarm_clock: "⏰", clock1: "🕐",
    calendar: "📅", memo: "📝", pushpin: "📌", link: "🔗", mag: "🔍", bulb: "💡", bug: "🐛", wrench: "🔧", hammer: "🔨",
    gear: "⚙️", package: "📦", ship: "🚢", shipit: "🐿️", chipmunk: "🐿️", owl: "🦉", robot_face: "🤖", ghost: "👻", skull: "💀",
    chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", repeat: "🔁",
    arrows_counterclockwise: "🔄", arrow_right: "➡️", arrow_up: "⬆️", arrow_down: "⬇️", double_vertical_bar: "⏸️",
    pause_button: "⏸️", arrow_forward: "▶️", black_square_for_stop: "⏹️", red_circle: "🔴", large_green_circle: "🟢",
    large_yellow_circle: "🟡", large_blue_circle: "🔵", white_circle: "⚪", snowflake: "❄️", ice_cube: "🧊", boom: "💥",
    zap: "⚡", game_die: "🎲", beer: "🍺", coffee: "☕", cake: "🍰", smile: "😄", grinning: "😀", joy: "😂", wink: "😉",
    thinking_face: "🤔", sweat_smile: "😅", sob: "😭", scream: "😱", cry: "😢", sunglasses: "😎", nerd_face: "🤓",
    facepalm: "🤦", shrug: "🤷", question: "❓", exclamation: "❗", hand: "✋", information_source: "ℹ️",
    speech_balloon: "💬", cop: "👮", construction: "🚧", house: "🏠", thread: "🧵", books: "📚", "100": "💯",
};

/** Those that the picker offers. */
export const OFTEN = ["+1", "eyes", "tada", "white_check_mark", "rocket", "fire", "heart", "pray", "joy", "thinking_face", "owl", "x"];

/**
 * The emoji of a name, or its name in colons.
 * @param {string} name with or without a skin tone behind it
 */
export function emoji(name) {
    return EMOJI[name.split("::")[0]] ?? `:${name}:`;
}
