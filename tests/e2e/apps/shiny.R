# A Shiny application with a file each way, for tests; the socket is the first argument.
library(shiny)
options(shiny.maxRequestSize = 16 * 1024^2)
ui <- fluidPage(
  titlePanel("Shiny behind Portcullis"),
  textInput("name", "Name"),
  verbatimTextOutput("greeting"),
  fileInput("file", "File"),
  verbatimTextOutput("content"),
  downloadButton("report", "Report")
)
server <- function(input, output, session) {
  output$greeting <- renderText(paste0("hello ", input$name))
  output$content <- renderText({
    req(input$file)
    paste(readLines(input$file$datapath, warn = FALSE), collapse = "|")
  })
  output$report <- downloadHandler("report.csv", function(file) writeLines("a,b", file))
}
path <- commandArgs(trailingOnly = TRUE)[[1]]
# Nobody but the person: Shiny wants the mask as an attribute.
attr(path, "mask") <- strtoi("077", 8L)
runApp(shinyApp(ui, server), port = path, launch.browser = FALSE)
