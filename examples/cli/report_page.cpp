// HTML: written so that it is well-formed XML, too.
#include "examples/cli/report_page.h"

#include "examples/cli/report_words.h"

namespace espalier::cli {
namespace {

using charts::escaped;

constexpr const char* kCss = R"(<style>
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--line:#d8dee4;--back:#fff;
--wash:#f6f8fa;--leaf:#008a64}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--line:#2b323b;
--back:#0d1117;--wash:#161b22;--leaf:#2cc79a}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.55 system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:40px;padding-bottom:8px}
.brand{margin:0;color:var(--leaf);font-weight:600;letter-spacing:.04em}
h1{margin:.3em 0 .4em;font-size:clamp(1.5rem,4.4vw,2.6rem);line-height:1.18;font-weight:600;
letter-spacing:-.015em;max-width:24em;text-wrap:balance}
h2{margin:0;font-size:1.2rem;line-height:1.3;font-weight:600}
p{margin:.4em 0 0;max-width:44em}
.soft,figcaption,footer{color:var(--soft)}
.sections{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));
gap:0 40px}
section{border-top:1px solid var(--line);padding:22px 0 30px;margin-top:10px;min-width:0}
.wide{grid-column:1/-1}
.pictures{margin:12px 0 0}
.pictures .chart{display:block;width:100%;max-width:520px;height:auto}
.side .pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));
gap:12px 40px}
.small .pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(max(152px,22%),1fr));
gap:14px}
.small .pictures .chart{max-width:250px}
h1 span{display:inline-block}
.pictures .chart .title{font-size:13px}
.scroll{overflow-x:auto;margin-top:12px}
table{border-collapse:separate;border-spacing:0;font-variant-numeric:tabular-nums;min-width:100%}
th,td{padding:5px 18px 5px 0;line-height:20px;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--line)}
th:first-child{text-align:left;font-weight:400;color:var(--soft);position:sticky;left:0;
background:var(--back)}
thead th{font-weight:600}
dl{margin:12px 0 0}dt{font-weight:600;margin-top:14px}dd{margin:4px 0 0;color:var(--soft)}
code{display:block;background:var(--wash);color:var(--ink);padding:8px 12px;border-radius:6px;
font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere;margin:4px 0}
footer{padding-top:18px;padding-bottom:40px;font-size:.9rem}
@media (max-width:640px){table{font-size:.86rem}th,td{padding-right:12px}
th:first-child{white-space:normal;min-width:8.5em}}
@media print{section{break-inside:avoid}}
</style>
)";

std::string tag(const std::string& name, const std::string& text) {
  return "<" + name + ">" + escaped(text) + "</" + name + ">\n";
}

// A number and its percent sign stay on one line.
std::string unbroken(std::string text) {
  for (std::size_t at = 0; (at = text.find(" %", at)) != text.npos;) text.replace(at, 1, "\u00a0");
  return text;
}

std::string section_of(const ReportSection& section) {
  std::string text = std::string("<section") +
                     (section.small  ? " class=\"wide small\""
                      : section.wide ? " class=\"wide side\""
                                     : "") +
                     ">\n" + tag("h2", section.title) + "<p class=\"soft\">" +
                     escaped(section.caption) + "</p>\n<div class=\"pictures\">\n";
  for (const ReportPicture& picture : section.pictures) text += picture.svg(charts::Place::Page);
  return text + "</div>\n</section>\n";
}

std::string table_of(const ReportFacts& facts) {
  std::string text =
      "<section class=\"wide\">\n<h2 id=\"figures\">All figures</h2>\n<div class=\"scroll\" "
      "role=\"region\" aria-labelledby=\"figures\" tabindex=\"0\">\n<table>\n<thead><tr><th "
      "scope=\"col\">Figure</th>";
  for (const ReportFile& file : facts.files)
    text += "<th scope=\"col\">" + escaped(file.name) + "</th>";
  text += "</tr></thead>\n<tbody>\n";
  for (const ReportRow& row : report_rows(facts)) {
    text += "<tr><th scope=\"row\">" + escaped(row.name) + "</th>";
    for (const std::string& value : row.values)
      text += "<td>" + (value.empty() ? "–" : escaped(value)) + "</td>";
    text += "</tr>\n";
  }
  return text +
         "</tbody>\n</table>\n</div>\n<p class=\"soft\">A dash: not known, or not measured (with "
         "--data DIR, accuracies are). "
         "± is one standard deviation of the accuracy as a share of so many pictures; other "
         "seeds differ by more or less than that.</p>\n</section>\n";
}

// The command that made each file, and the seed.
std::string making_of(const ReportFacts& facts) {
  std::string text = "<section class=\"wide\">\n<h2>How it was made</h2>\n<dl>\n";
  for (const ReportFile& file : facts.files) {
    const LogFacts& log = file.log;
    text += tag("dt", file.name) + "<dd>" + escaped(file.path) +
            (log.command.empty() ? "" : "<code>" + escaped(log.command) + "</code>");
    for (const std::string& command : log.resumed) text += "<code>" + escaped(command) + "</code>";
    text += "<p>";
    std::string words;
    const auto add = [&](const std::string& part) {
      if (!part.empty()) words += (words.empty() ? "" : "<br/>") + escaped(part);
    };
    add(log.command.empty()
            ? "The command is not recorded: there is no log beside the file, or an older one."
            : "");
    add(log.pruning.empty() ? "" : "Pruned: " + log.pruning);
    add(log.recipe.empty() ? "" : "Trained: " + log.recipe);
    add(log.seed ? "Seed: " + std::to_string(*log.seed) : "");
    add(log.system);
    text += words + "</p>";
    text += "</dd>\n";
  }
  return text + "</dl>\n</section>\n";
}

}  // namespace

std::string report_page(const ReportFacts& facts, const std::vector<ReportSection>& sections) {
  std::string head = "<h1>";  // no part of it is broken where it need not be
  for (const std::string& part : headline_parts(facts))
    head += (head.size() > 4 ? ",</span> <span>" : "<span>") + escaped(unbroken(part));
  head += "</span></h1>\n";
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta "
      "name=\"color-scheme\" content=\"light dark\"/>\n" +
      tag("title", "Espalier: " + headline(facts)) + kCss + charts::style() +
      "</head>\n<body>\n<header>\n<p class=\"brand\">Espalier</p>\n" + head +
      tag("p", subline(facts)) + "</header>\n<main>\n<div class=\"sections\">\n";
  for (const ReportSection& section : sections) text += section_of(section);
  text += table_of(facts) + making_of(facts) + "</div>\n</main>\n<footer>Measured with " +
          escaped(facts.system) + ".</footer>\n</body>\n</html>\n";
  return text;
}

}  // namespace espalier::cli
